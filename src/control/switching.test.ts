import fc from "fast-check";
import { expect, test } from "vitest";
import {
  cameraAlone,
  changingLink,
  cloudAlone,
  splitInTwo,
} from "../../test/fixtures/changing-link.ts";
import { pictureProblem, stage } from "../../test/fixtures/picture-problem.ts";
import { nominalState } from "../cost/state.ts";
import type { Choice } from "./choices.ts";
import {
  delayedSeconds,
  findPreparation,
  type Holdings,
  holding,
  loadingSeconds,
} from "./switching.ts";

const problem = changingLink();
const [cloudOnly, splitUp, cameraOnly] = [cloudAlone, splitInTwo, cameraAlone].map(
  (placement): Choice => ({ placement }),
) as [Choice, Choice, Choice];
const world = nominalState(problem.topology);
const free = { loadSeconds: 0, loadSecondsPerByte: 0 };

test("costs the way of the weights that a device has never had", () => {
  const held = holding(problem, null, splitUp);
  const find = (had: typeof held) => findPreparation(problem, world, had, [], cloudOnly, free);
  // n1 is on the cloud already, n0 of 1000 bytes is not.
  expect(find(held).wireSeconds).toBeCloseTo(8000 / 20e6, 12);
  expect(find(holding(problem, held, cloudOnly)).wireSeconds).toBe(0);
});

test("weights come over no link to where they are kept", () => {
  const held = holding(problem, null, cloudOnly);
  const find = (weightsFrom?: number) =>
    findPreparation(problem, world, held, [], cameraOnly, {
      ...free,
      ...(weightsFrom === undefined ? {} : { weightsFrom }),
    });
  expect(find().wireSeconds).toBe(0);
  expect(find(1).wireSeconds).toBeCloseTo((8 * 101_000) / 20e6, 12);
});

test("a slow device loads for longer, and none loads what it has loaded", () => {
  const held = holding(problem, holding(problem, null, cloudOnly), cameraOnly);
  const slow = { ...world, slowDown: [1, 4] };
  const find = (loaded: readonly Choice[]) =>
    findPreparation(problem, slow, held, loaded, splitUp, {
      loadSeconds: 0.1,
      loadSecondsPerByte: 1e-6,
    }).loadSeconds;
  const [camera = 0, cloud = 0] = find([cloudOnly]);
  expect(camera).toBeCloseTo((0.1 + 0.001) / 0.25, 12);
  expect(cloud).toBeCloseTo(4 * (0.1 + 0.1), 12);
  expect(find([cloudOnly, splitUp])).toEqual([0, 0]);
});

test("an idle device delays nobody by loading, and a busy one loads for longer", () => {
  const idle = { utilisation: 0, requestSeconds: 0.5, nextRequestSeconds: 0.5 };
  expect([loadingSeconds(2, idle), delayedSeconds(2, idle)]).toEqual([2, 0]);
  const busy = { ...idle, utilisation: 0.4 };
  expect(loadingSeconds(2, busy)).toBeCloseTo(2 / 0.6, 12);
  expect(delayedSeconds(2, busy)).toBeCloseTo((0.5 * 2) / 0.6, 12);
  expect(loadingSeconds(2, { ...idle, utilisation: 0.9 })).toBe(4);
});

test("requests that queue while a device loads are delayed until the next plan has caught up", () => {
  const work = { utilisation: 0.75, requestSeconds: 0.6, nextRequestSeconds: 0.4 };
  // 4 s at half the speed leave 1 s of work, which half of the device works off in 2 s.
  expect(delayedSeconds(2, work)).toBeCloseTo(0.6 * 4 + 0.5 * 1 * (4 + 2), 12);
  const overloaded = { ...work, utilisation: 1, nextRequestSeconds: 0.6 };
  expect(delayedSeconds(2, overloaded)).toBeGreaterThan((10 * delayedSeconds(2, work)) / 2);
});

test("what loading costs grows with what is loaded, and with how busy the device is", () => {
  const part = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(part, part, part, part, (less, more, low, high) => {
      const [small = 0, large = 0] = [less, more].toSorted((a, b) => a - b);
      const [free = 0, busy = 0] = [low, high].toSorted((a, b) => a - b);
      const cost = (seconds: number, utilisation: number): number =>
        delayedSeconds(seconds, { utilisation, requestSeconds: 0.3, nextRequestSeconds: 0.2 });
      expect(cost(small, free)).toBeLessThanOrEqual(cost(large, free) + 1e-12);
      expect(cost(small, free)).toBeLessThanOrEqual(cost(small, busy) + 1e-12);
    }),
  );
});

test("every member of a shared stage gets its weights and loads its tiles, each of them", () => {
  const picture = pictureProblem({});
  const state = nominalState(picture.topology);
  const alone: Choice = { placement: [0, 0, 0] };
  const shared = (...rows: number[]): Choice => ({
    placement: [1, 1, 0],
    tiles: [stage([0, 1], [1, 2, 2], rows)],
  });
  const find = (held: Holdings, loaded: readonly Choice[], choice: Choice) =>
    findPreparation(picture, state, held, loaded, choice, {
      loadSeconds: 1,
      loadSecondsPerByte: 0.01,
    });
  const held = holding(picture, null, alone);
  // Two nodes of 100 bytes of parameters, which come once and are loaded for each tile.
  const first = find(held, [alone], shared(2, 5, 8));
  expect(first.loadSeconds).toEqual([1 + 1, 1 + 2, 1 + 4]);
  expect(first.wireSeconds).toBeGreaterThan(0);
  const had = holding(picture, held, shared(2, 5, 8));
  expect(find(had, [shared(2, 5, 8)], shared(2, 5, 8)).loadSeconds).toEqual([0, 0, 0]);
  // The right one's tiles have moved, the left one's has not.
  const moved = find(had, [alone, shared(2, 5, 8)], shared(2, 4, 8));
  expect(moved).toEqual({ wireSeconds: 0, loadSeconds: [0, 0, 5] });
});
