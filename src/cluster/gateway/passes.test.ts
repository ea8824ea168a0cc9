import { expect, test } from "vitest";
import { answer, askRow, start, value } from "../../../test/fixtures/ledger.ts";
import { CodedError } from "../../base/errors.ts";
import { seconds } from "../../base/units.ts";

const twoByTwo = { most: 2, waitSeconds: 0, rows: 4 };

test("joins what waits when there is room again, and gives everybody his own row", async () => {
  const { ledger, departed, entered } = start(1, { most: 3, waitSeconds: 0, rows: 6 });
  ledger.open(true);
  const asked = [1, 2, 3, 4, 5].map((row) => askRow(ledger, row).answered);
  answer(ledger, 1, 1);
  answer(ledger, 1, 2);
  answer(ledger, 1, 5);
  expect(entered).toEqual(["1", "234", "5"]);
  expect(departed.map(([, request]) => request)).toEqual([1, 2, 5]);
  const answers = await Promise.all(asked);
  expect(answers.map(({ request }) => request)).toEqual([1, 2, 3, 4, 5]);
  expect(answers.map((one) => one.outputs["y"]?.data.join())).toEqual(["1", "2", "3", "4", "5"]);
  expect(answers.map(({ timings }) => timings.joined)).toEqual([
    undefined,
    ...[2, 3, 4].map(() => ({ request: 2, requests: 3, rows: 3 })),
    undefined,
  ]);
});

test("waits for company as long as it may, and not once nobody could join", async () => {
  const { ledger, clock, entered } = start(2, { most: 2, waitSeconds: 1, rows: 4 });
  ledger.open(true);
  askRow(ledger, 1);
  await clock.advance(seconds(0.9));
  expect(entered).toEqual([]);
  await clock.advance(seconds(0.2));
  expect(entered).toEqual(["1"]);
  askRow(ledger, 2, { deadlineSeconds: 2 });
  await clock.advance(seconds(0.19));
  expect(entered).toHaveLength(1);
  await clock.advance(seconds(0.02));
  expect(entered).toEqual(["1", "2"]);
  answer(ledger, 1, 1);
  askRow(ledger, 3);
  askRow(ledger, 4);
  expect(entered.at(-1)).toBe("34");
});

test("a joined pass that fails is taken apart, and only who is to blame fails", async () => {
  const { ledger, departed, entered, ended, traces } = start(4, {
    most: 4,
    waitSeconds: 1,
    rows: 8,
  });
  ledger.open(true);
  const asked = [1, 2, 3, 4].map((row) => askRow(ledger, row).answered);
  expect(entered).toEqual(["1234"]);
  const error = new CodedError("RUNTIME_FAILED", "index 3 is out of range");
  ledger.fail(1, 1, error);
  expect(ended).toEqual([1]);
  // The number that devices know is not used again.
  expect(departed.slice(1).map(([, request]) => request)).toEqual([5, 2, 3, 4]);
  expect(ledger.settled).toEqual({ below: 6, open: [5, 2, 3, 4] });
  ledger.fail(1, 3, error);
  for (const request of [5, 2, 4]) answer(ledger, 1, request);
  const outcomes = await Promise.allSettled(asked);
  expect(outcomes.map(({ status }) => status)).toEqual([
    "fulfilled",
    "fulfilled",
    "rejected",
    "fulfilled",
  ]);
  expect(traces.filter(({ type }) => type === "parted")).toHaveLength(4);
});

test("what cannot be sent on its way ends with a code, and leaves its place to others", async () => {
  const { ledger, clock, world, ended, entered } = start(1, { most: 2, waitSeconds: 1, rows: 2 });
  ledger.open(true);
  world.refusal = new Error("there is no such input");
  const asked = [askRow(ledger, 1).answered];
  // Nobody asks when it departs.
  await clock.advance(seconds(1.1));
  asked.push(askRow(ledger, 2).answered, askRow(ledger, 3).answered);
  const outcomes = await Promise.allSettled(asked);
  const failure = { code: "RUNTIME_FAILED", message: "unexpected: there is no such input" };
  expect(outcomes).toMatchObject([1, 2, 3].map(() => ({ reason: failure })));
  expect(ended).toEqual([1, 2, 4, 3]);
  expect(ledger.stats).toMatchObject({ inFlight: 0, waiting: 0, failed: 3 });
  world.refusal = null;
  askRow(ledger, 4);
  askRow(ledger, 5);
  expect(entered).toEqual(["45"]);
});

test("who gives up leaves his row behind, and the last one ends the pass", async () => {
  const { ledger, ended, entered } = start(1, twoByTwo);
  ledger.open(true);
  const first = askRow(ledger, 1);
  const [second, third] = [askRow(ledger, 2), askRow(ledger, 3)];
  answer(ledger, 1, 1);
  await first.answered;
  expect(entered.at(-1)).toBe("23");
  second.withdraw();
  expect(ended).toEqual([1]);
  // Its number is that of the pass, which devices still work for.
  expect(ledger.settled.open).toEqual([2]);
  answer(ledger, 1, 2);
  expect((await third.answered).outputs["y"]?.data.join()).toBe("3");
  expect(ended).toEqual([1, 2]);
  const [fourth, fifth] = [askRow(ledger, 4), askRow(ledger, 5)];
  fourth.withdraw();
  expect(ledger.inFlight).toHaveLength(1);
  fifth.withdraw();
  expect(ledger.stats).toMatchObject({ inFlight: 0, waiting: 0, answered: 2 });
});

test("a pass departs again as it was, or in parts where the plan joins fewer", () => {
  const { ledger, world, departed, entered } = start(2, { most: 3, waitSeconds: 1, rows: 6 });
  ledger.open(true);
  for (const row of [1, 2, 3, 4, 5, 6]) askRow(ledger, row);
  expect(entered).toEqual(["123", "456"]);
  const goOver = (joining: typeof world.joining) => {
    world.generation++;
    world.joining = joining;
    ledger.open(false);
    ledger.recall((generation) => generation !== world.generation);
    ledger.fit();
    ledger.open(true);
  };
  goOver(world.joining);
  expect(departed.slice(2)).toEqual([
    [2, 1],
    [2, 4],
  ]);
  expect(entered.slice(2)).toEqual(["123", "456"]);
  goOver({ most: 2, waitSeconds: 0, rows: 4 });
  expect(entered.slice(4)).toEqual(["12", "34"]);
  expect(departed.slice(4).map(([, request]) => request)).toEqual([8, 3]);
  goOver(null);
  expect(entered.slice(6)).toEqual(["1", "2"]);
});

test("no more rows are in flight than devices have room for, but for a request that is larger", () => {
  const { ledger, entered } = start(4, { most: 2, waitSeconds: 0, rows: 3 });
  ledger.open(true);
  const rows = (data: readonly number[]) =>
    ledger.ask({
      inputs: { x: { ...value, shape: [data.length], data: new Uint8Array(data) } },
      id: null,
      deadlineSeconds: null,
    });
  rows([1, 1]);
  rows([2, 2]);
  rows([3]);
  rows([4, 4, 4, 4]);
  expect(entered).toEqual(["11"]);
  answer(ledger, 1, 1);
  expect(entered.slice(1)).toEqual(["22", "3"]);
  answer(ledger, 1, 2);
  expect(entered).toHaveLength(3);
  answer(ledger, 1, 3);
  expect(entered.at(-1)).toBe("4444");
});
