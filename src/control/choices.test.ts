import { expect, test } from "vitest";
import {
  cameraAlone,
  changingLink,
  cloudAlone,
  splitInTwo,
} from "../../test/fixtures/changing-link.ts";
import { codec, withTensorCodecs } from "../../test/fixtures/coded-problem.ts";
import { createVirtualClock } from "../base/virtual-clock.ts";
import type { State } from "../cost/state.ts";
import { placementOf } from "../plan/check.ts";
import { codecsOf } from "../plan/codecs.ts";
import { runEnvelope } from "../plan/envelope.ts";
import { evaluate } from "../plan/evaluate.ts";
import { exact } from "../plan/planners/exact.ts";
import { createProblem } from "../plan/problem.ts";
import { problemAt } from "../plan/problem-at.ts";
import { runPlanner } from "../plan/run-planner.ts";
import { choicesOfEnvelope, createChoices, type SolveChoice, wholeChoices } from "./choices.ts";

const state = (rate: number, slowDown: readonly number[] = [1, 1]): State => ({
  bandwidthBitsPerSecond: [rate, rate],
  slowDown,
});

const states = [state(20e6), state(5e6), state(0.4e6), state(5e6, [3, 1]), state(2e6, [1, 9])];

test.each(["latency", "throughput", "energy"])(
  "a choice costs, and takes, what it is evaluated to, for %s",
  (objective) => {
    const problem = changingLink(objective, "20 Mbit/s", [2, 30]);
    const placements = [cloudAlone, splitInTwo, cameraAlone];
    const choices = createChoices(
      problem,
      placements.map((placement) => ({ placement })),
    );
    for (const world of states) {
      placements.forEach((placement, choice) => {
        const found = evaluate(problemAt(problem, world), placement);
        expect(found).toMatchObject({ type: "feasible" });
        if (found.type === "infeasible") return;
        expect(choices.costOf(choice, world)).toBeCloseTo(found.value, 12);
        expect(choices.latencyOf(choice, world)).toBeCloseTo(found.latencySeconds, 12);
      });
    }
  },
);

test("equal placements are one choice, and what is not allowed is none", () => {
  const problem = changingLink();
  const choices = createChoices(problem, [{ placement: cloudAlone }, { placement: [1, 1] }]);
  expect(choices.count()).toBe(1);
  expect(choices.add({ placement: cameraAlone })).toBe(1);
  const { profile, topology, objective } = problem;
  const guarded = createProblem(profile, topology, objective, { keepLocal: 1 });
  const allowed = createChoices(guarded, wholeChoices(guarded));
  expect(allowed.count()).toBe(1);
  expect(allowed.add({ placement: cloudAlone })).toBeNull();
});

test("an envelope has all that can be the best in its box", () => {
  const problem = changingLink();
  const envelope = runEnvelope(
    problem,
    [{ type: "bandwidth", links: [0, 1], least: 1e5, most: 1e8 }],
    { clock: createVirtualClock() },
  );
  if ("type" in envelope) throw new Error(envelope.reason);
  const choices = createChoices(problem, choicesOfEnvelope(problem, envelope));
  const bestAt = (rate: number) => choices.at(choices.best(state(rate)) ?? 0).placement;
  expect([bestAt(20e6), bestAt(5e6), bestAt(0.4e6)]).toEqual([cloudAlone, splitInTwo, cameraAlone]);
});

test("what a planner finds in a state joins what is known", () => {
  const choices = createChoices(changingLink(), [{ placement: cameraAlone }], (problem) => ({
    placement:
      (problem.topology.links[0]?.bandwidthBitsPerSecond ?? 0) > 10e6 ? cloudAlone : splitInTwo,
  }));
  expect(choices.best(state(0.4e6))).toBe(0);
  expect(choices.at(choices.best(state(20e6)) ?? 0).placement).toEqual(cloudAlone);
  expect(choices.count()).toBe(3);
});

test("the codec of a link is chosen anew for the rate that it has", () => {
  const coded = withTensorCodecs(changingLink(), { in: { small: codec(4, 5e-8, 5e-9) } });
  const exactly: SolveChoice = (changed) => {
    const plan = runPlanner(exact, changed, { seed: 1, clock: createVirtualClock() });
    return "type" in plan
      ? null
      : { placement: placementOf(coded, plan), codecs: codecsOf(coded, plan) };
  };
  const choices = createChoices(coded, wholeChoices(coded), exactly);
  const codecAt = (rate: number): string | null => {
    const { placement, codecs } = choices.at(choices.best(state(rate)) ?? 0);
    expect(placement).toEqual(cloudAlone);
    const tensor = coded.index.tensorByName.get("in") as number;
    return (codecs ?? coded.hops.codec)(0, tensor);
  };
  // At 200 Mbit/s the input takes 4 ms as it is; the codec alone would take 20 ms.
  expect([codecAt(200e6), codecAt(20e6), codecAt(200e6)]).toEqual([null, "small", null]);
});
