import { expect, test } from "vitest";
import { cameraAlone, changingLink } from "../../test/fixtures/changing-link.ts";
import { Background } from "./background.ts";
import { Line } from "./line.ts";
import { findServers } from "./servers.ts";
import { findSteps } from "./steps.ts";
import { World } from "./world.ts";

/** The camera alone computes for 0.4 s; it loads from the beginning on. */
function loading(seconds: number, requests: number) {
  const problem = changingLink();
  const { places, ofLink } = findServers(problem);
  const line = new Line([findSteps(problem, cameraAlone, ofLink)], places.length, () => undefined);
  const world = new World(problem, line.steps, line, undefined, []);
  const background = new Background(problem.devices.length, line, world);
  const ends: number[] = [];
  let loadedAt = 0;
  background.add([seconds, 0], 0);
  for (let request = 0; request < requests; request++) line.enter(0);
  line.start(0);
  background.share();
  for (let now = 0; ; ) {
    now = Math.min(line.next(), background.next);
    if (now === Number.POSITIVE_INFINITY) return { ends, loadedAt };
    const before = line.answered;
    line.end(now);
    if (line.answered > before) ends.push(now);
    if (!background.isEmpty) loadedAt = now;
    background.pass(now);
    line.start(now);
    background.share();
  }
}

test("a device that computes loads in half of its time, and computes in the other half", () => {
  const { ends, loadedAt } = loading(0.6, 2);
  // 0.4 s take 0.8 s; then there are 0.2 s left to load, 0.4 s with half of the device.
  expect(ends[0]).toBeCloseTo(0.8, 9);
  expect(loadedAt).toBeCloseTo(1.2, 9);
  // All of what was to be done: 0.6 s and twice 0.4 s.
  expect(ends[1]).toBeCloseTo(1.4, 9);
});

test("a device that does nothing else loads with all of it", () => {
  const { ends, loadedAt } = loading(1, 1);
  expect(ends[0]).toBeCloseTo(0.8, 9);
  expect(loadedAt).toBeCloseTo(1.4, 9);
  expect(loading(0.7, 0)).toEqual({ ends: [], loadedAt: 0.7 });
});
