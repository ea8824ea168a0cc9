import { expect, test } from "vitest";
import { modelledProfile } from "../../../test/fixtures/modelled-profile.ts";
import { systemClock } from "../../base/clock.node.ts";
import { answerOf } from "../../compare/answer.ts";
import { pairTopology } from "../../compare/device-pair.ts";
import { createProblem } from "../../plan/problem.ts";
import { guestPlanners } from "./guests.ts";

const pair = { deviceSpeed: 0.05, serverFactor: 10, bandwidthBitsPerSecond: 1e7 };
const problem = createProblem(modelledProfile("alexnet"), pairTopology(pair), { type: "latency" });

function ask(words: string[], timeLimitSeconds: number) {
  const notes: string[] = [];
  const guests = guestPlanners(words, { note: (text) => notes.push(text), timeLimitSeconds });
  const [guest] = guests.planners;
  if (guest === undefined) throw new Error("there is no guest");
  return { guests, notes, answer: () => answerOf(guest, problem, { clock: systemClock }) };
}

test("a program that fails has no answer and a reason; it is reported once, with the question, and kept", () => {
  const { guests, notes, answer } = ask(["exec:false"], 10);
  for (const _ of [1, 2]) {
    const found = answer();
    expect(found).toMatchObject({ planner: "exec:false", value: null, plan: null });
    expect(found.reason).toContain("exit code 1");
  }
  expect(notes).toEqual([
    expect.stringMatching(/^alexnet, latency, 2 devices, links from 10 Mbit\/s: .*exit code 1/),
  ]);
  const failure = { planner: "exec:false", network: "alexnet", objective: "latency" };
  expect(guests.takeFailures()).toMatchObject([failure, failure]);
  expect(guests.takeFailures()).toEqual([]);
});

test("a program that is late three times is asked no more", () => {
  const script = "setInterval(Date, 99)";
  const { guests, answer } = ask([`exec:"${process.execPath}" -e "${script}"`], 0.05);
  const reasons = Array.from({ length: 5 }, () => answer().reason);
  expect(reasons.slice(0, 3).join()).toMatch(/(gave no answer within 50 ms and was killed.*){3}/);
  expect(reasons.slice(3).join()).toMatch(/(is asked no more: 3 times.*50 ms.*){2}/);
  expect(guests.limitSeconds).toBe(0.05);
  expect(guests.takeFailures()).toHaveLength(5);
});

test("the last words of a program stand in its reason, on one line", () => {
  const script = "console.error('first\\nlast'); process.exit(3)";
  const { answer } = ask([`exec:"${process.execPath}" -e "${script}"`], 10);
  expect(answer().reason).toMatch(
    /^planner '.*': it ended with exit code 3; its last words: last$/,
  );
});

test("a guest that is named twice stands there once, programs of one short name are numbered", () => {
  const words = ["exec:a/plan", "exec:b/plan", "exec:a/plan", "single", "single"];
  const { planners } = guestPlanners(words, { note: () => undefined });
  expect(planners.map(({ name }) => name)).toEqual(["exec:plan", "exec:plan (2)", "single"]);
});

test("planners of the catalogue are guests by name, others are not known", () => {
  const note = (): never => {
    throw new Error("nothing was to be said");
  };
  const { planners, limitSeconds } = guestPlanners(["random", "single"], { note });
  expect(planners.map(({ name }) => name)).toEqual(["random", "single"]);
  expect(limitSeconds).toBeNull();
  expect(() => guestPlanners(["magic"], { note })).toThrow(/--planner wants .*exact.*"magic"/);
});
