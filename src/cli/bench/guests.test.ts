import { expect, test } from "vitest";
import { modelledProfile } from "../../../test/fixtures/modelled-profile.ts";
import { systemClock } from "../../base/clock.node.ts";
import { answerOf } from "../../compare/answer.ts";
import { pairTopology } from "../../compare/device-pair.ts";
import { createProblem } from "../../plan/problem.ts";
import { guestPlanners } from "./guests.ts";

const pair = { deviceSpeed: 0.05, serverFactor: 10, bandwidthBitsPerSecond: 1e7 };
const problem = createProblem(modelledProfile("alexnet"), pairTopology(pair), { type: "latency" });

test("a program that fails has no answer and a reason, and is reported once", () => {
  const notes: string[] = [];
  const [guest] = guestPlanners(["exec:false"], (text) => notes.push(text));
  if (guest === undefined) throw new Error("there is no guest");
  for (const _ of [1, 2]) {
    const answer = answerOf(guest, problem, { clock: systemClock });
    expect(answer).toMatchObject({ planner: "exec:false", value: null, plan: null });
    expect(answer.reason).toContain("exit code 1");
  }
  expect(notes).toHaveLength(1);
});

test("planners of the catalogue are guests by name, others are not known", () => {
  const note = (): never => {
    throw new Error("nothing was to be said");
  };
  expect(guestPlanners(["random", "single"], note).map(({ name }) => name)).toEqual([
    "random",
    "single",
  ]);
  expect(() => guestPlanners(["magic"], note)).toThrow(/--planner wants .*exact.*"magic"/);
});
