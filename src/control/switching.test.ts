import { expect, test } from "vitest";
import {
  cameraAlone,
  changingLink,
  cloudAlone,
  splitInTwo,
} from "../../test/fixtures/changing-link.ts";
import { nominalState } from "../cost/state.ts";
import { holding, switchingSeconds } from "./switching.ts";

const problem = changingLink();
const world = nominalState(problem.topology);
const free = { loadSeconds: 0, loadSecondsPerByte: 0 };

test("costs the way of the weights that a device has never had", () => {
  const held = holding(problem, null, splitInTwo);
  // n1 is on the cloud already, n0 of 1000 bytes is not.
  expect(switchingSeconds(problem, world, held, cloudAlone, free)).toBeCloseTo(8000 / 20e6, 12);
  expect(
    switchingSeconds(problem, world, holding(problem, held, cloudAlone), cloudAlone, free),
  ).toBe(0);
});

test("weights come over no link to where they are kept", () => {
  const held = holding(problem, null, cloudAlone);
  expect(switchingSeconds(problem, world, held, cameraAlone, free)).toBe(0);
  const fromCloud = switchingSeconds(problem, world, held, cameraAlone, {
    ...free,
    weightsFrom: 1,
  });
  expect(fromCloud).toBeCloseTo((8 * 101_000) / 20e6, 12);
});

test("devices load at the same time, a slow one for longer", () => {
  const held = holding(problem, holding(problem, null, cloudAlone), cameraAlone);
  const slow = { ...world, slowDown: [1, 4] };
  const seconds = switchingSeconds(problem, slow, held, splitInTwo, {
    loadSeconds: 0.1,
    loadSecondsPerByte: 1e-6,
  });
  expect(seconds).toBeCloseTo(4 * (0.1 + 0.1), 12);
});
