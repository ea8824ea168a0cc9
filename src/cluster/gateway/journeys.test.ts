import { expect, test } from "vitest";
import { createVirtualClock } from "../../base/virtual-clock.ts";
import type { GatewayDeployment } from "../control-message.ts";
import type { DeviceDeployment } from "../deployment.ts";
import type { Known } from "./course.ts";
import type { Entry } from "./entry.ts";
import { Journeys } from "./journeys.ts";
import { passOf } from "./pass.ts";

const camera: DeviceDeployment = {
  device: "camera",
  generation: 1,
  stages: [
    { id: "s0", inputs: ["x"], outputs: ["a"] },
    { id: "s1", inputs: ["a"], outputs: ["b"] },
  ],
  receives: [{ tensor: "x", from: null }],
  forwards: [],
  answers: ["b"],
};
const known: Known = {
  generation: 1,
  gateway: {
    deployment: {
      generation: 1,
      source: "camera",
      entering: ["x"],
      outputs: ["b"],
      devices: [camera],
    },
    opened: {} as GatewayDeployment["opened"],
  },
  constants: {},
  devices: new Map([["camera", camera]]),
  isUsed: true,
};

function passWith(request: number) {
  const entry: Entry = {
    ...{ request, id: null, inputs: {}, rows: 1, form: null, deadlineSeconds: null },
    ...{ waiters: new Set(), askedAt: 0, isAgain: false, isAlone: false, pass: null },
  };
  return passOf([entry]);
}

test("what is kept of a pass is known while it is on its way, and of one that ends meanwhile never", async () => {
  const journeys = new Journeys({ clock: createVirtualClock(), tell: async () => undefined });
  const [first, second] = [passWith(1), passWith(2)];
  for (const pass of [first, second]) journeys.depart(pass, known);
  expect(journeys.unasked([first, second])).toEqual([first, second]);
  const asked = journeys.recall(known, [first, second]);
  expect([...journeys.end(second)]).toEqual(["camera"]);
  const requests = [1, 2].map((request) => ({ request, tensors: ["a"] }));
  journeys.hear("camera", { type: "kept", generation: 1, body: { requests } });
  expect(await asked).toBe(true);
  expect(journeys.unasked([first])).toEqual([]);
  expect(journeys.depart(first, known).entering).toEqual([]);
  expect(journeys.depart(second, known).entering).toEqual(["x"]);
});
