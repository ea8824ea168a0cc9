import { expect, test } from "vitest";
import { twoDevices } from "../../../test/fixtures/probes.ts";
import type { ClusterStatus } from "../../cluster/status.ts";
import { checkSkew, checkSpeeds } from "./comparisons.ts";

function at(calendarSeconds: number | null): ClusterStatus {
  return { ...twoDevices, calendarSeconds };
}

test.each<[number | null, string, RegExp]>([
  [100.5, "ok", /none above/],
  [102.4, "ok", /none above/],
  [98.1, "ok", /none above/],
  [104, "warning", /2 s ahead of/],
  [90, "warning", /9 s behind/],
  [null, "skipped", /does not tell/],
])(
  "a coordinator whose calendar says %s, asked from 99 to 102, is %s",
  (calendar, state, observed) => {
    expect(checkSkew(at(calendar), 99, 102)).toMatchObject({
      state,
      observed: expect.stringMatching(observed),
    });
  },
);

function withSpeeds(...speeds: [stated: number, measured: number | null][]): ClusterStatus {
  const [first] = twoDevices.devices;
  if (first === undefined) throw new Error("it has two");
  const devices = speeds.map(([statedSpeed, measuredSpeed], position) => ({
    ...first,
    device: `d${position}`,
    statedSpeed,
    measuredSpeed,
  }));
  return { ...twoDevices, devices };
}

test("warns of speeds that the benchmark contradicts, unless they are imitated", () => {
  const status = withSpeeds([1, 1.2], [1, 0.5], [0.2, 0.31], [1, null]);
  expect(checkSpeeds(status).map(({ name, state }) => [name, state])).toEqual([
    ["speed of d0", "ok"],
    ["speed of d1", "warning"],
    ["speed of d2", "warning"],
  ]);
  expect(checkSpeeds(status)[1]?.fix).toMatch(/speed: 0\.5/);
  expect(checkSpeeds({ ...status, emulated: true })).toEqual([]);
});
