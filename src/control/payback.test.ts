import { expect, test } from "vitest";
import {
  cameraAlone,
  changingLink,
  cloudAlone,
  splitInTwo,
} from "../../test/fixtures/changing-link.ts";
import { createChoices } from "./choices.ts";
import { controlStep, startControl } from "./control.ts";

const all = [cloudAlone, splitInTwo, cameraAlone].map((placement) => ({ placement }));
const cloud = 0;

test.each([
  ["latency", 2, "100 · latency + 0 s/J · energy", 2],
  ["energy", 2, "energy", 2000],
  ["latency + 0.2 s/J · energy", 2, "0.01 · latency + 0.002 s/J · energy", 2],
])("delays weigh the same in %s with %d W, in %s with %d W", (one, watts, other, otherWatts) => {
  // The cloud becomes nine times slower; the camera has to load, and has other work.
  const decisionsFor = (objective: string, busyWatts: number): string[] => {
    const priced = changingLink(objective, "20 Mbit/s", [busyWatts, busyWatts]);
    const choices = createChoices(priced, all);
    return [0.1, 0.3, 0.35, 0.45].map((busySeconds) => {
      let state = startControl(choices, cloud);
      const reasons: string[] = [];
      for (let look = 0; look < 40; look++) {
        const devices = [
          { device: 0, slowDown: 1, count: 1, busySeconds },
          { device: 1, slowDown: look < 34 ? 1 : 9, count: 4, busySeconds: 0 },
        ];
        const links = [{ link: 0, bitsPerSecond: 20e6, count: 4 }];
        const seen = { devices, links, bounds: [] };
        const step = controlStep(choices, state, seen, look / 2, { loadSeconds: 2 });
        state = step.state;
        reasons.push(step.decision.type === "stay" ? step.decision.reason : "switch");
      }
      return reasons.includes("switch") ? "switch" : (reasons.at(-1) ?? "");
    });
  };
  const decisions = decisionsFor(one, watts);
  expect(new Set(decisions)).toEqual(new Set(["switch", "payback"]));
  expect(decisionsFor(other, otherWatts)).toEqual(decisions);
});
