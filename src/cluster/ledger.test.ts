import fc from "fast-check";
import { expect, test } from "vitest";
import {
  answer,
  ask,
  askRow,
  echo,
  outputs,
  reporters,
  reportOf,
  start,
  value,
} from "../../test/fixtures/ledger.ts";
import { CodedError } from "../base/errors.ts";
import { seconds } from "../base/units.ts";
import type { TensorValue } from "../graph/tensor-value.ts";
import type { Inference } from "./inference.ts";

test("sends so many requests on their way as the window has places, the oldest first", async () => {
  const { ledger, departed } = start(2);
  const asked = [ask(ledger), ask(ledger), ask(ledger)];
  expect(departed).toEqual([]);
  ledger.open(true);
  expect(departed).toEqual([
    [1, 1],
    [1, 2],
  ]);
  answer(ledger, 1, 2);
  expect(departed.at(-1)).toEqual([1, 3]);
  expect((await asked[1]?.answered)?.outputs).toEqual(
    Object.fromEntries(outputs.map((name) => [name, value])),
  );
  expect(ledger.stats).toMatchObject({ inFlight: 2, waiting: 0, answered: 1, peakInFlight: 2 });
});

test.each([
  ["a session died in it", new CodedError("RUNTIME_FAILED", "dead", { isDead: true })],
  ["a device had no room for it", new CodedError("DEVICE_BUSY", "full")],
])(
  "a request that fails since %s goes once more, under another number, and then ends",
  async (_, error) => {
    const { ledger, departed, ended } = start();
    ledger.open(true);
    const [lucky, cursed] = [ask(ledger, "lucky"), ask(ledger, "cursed")];
    ledger.fail(1, 1, error);
    ledger.fail(1, 2, error);
    ledger.fail(1, 2, error);
    expect(ended).toEqual([1, 2]);
    expect(departed.slice(2)).toEqual([
      [1, 3],
      [1, 4],
    ]);
    expect(ledger.settled).toEqual({ below: 5, open: [3, 4] });
    answer(ledger, 1, 3);
    ledger.fail(1, 4, error);
    expect((await lucky.answered).request).toBe(3);
    await expect(cursed.answered).rejects.toBe(error);
    expect(ledger.stats).toMatchObject({ inFlight: 0, waiting: 0, answered: 1, failed: 1 });
    expect((await ask(ledger, "lucky").answered).request).toBe(3);
  },
);

test("an answer waits for the reports, but not for those of a device that is lost", async () => {
  const { ledger, lost } = start();
  ledger.open(true);
  const [early, late] = [ask(ledger), ask(ledger)];
  for (const tensor of outputs) ledger.accept(1, 1, tensor, value);
  ledger.report("camera", reportOf(1, 1));
  expect(ledger.stats.inFlight).toBe(2);
  lost.add("cloud");
  ledger.reconsider();
  expect(Object.keys((await early.answered).outputs)).toEqual(outputs);
  for (const tensor of outputs) ledger.accept(1, 2, tensor, value);
  expect(ledger.stats.inFlight).toBe(1);
  ledger.report("camera", reportOf(1, 2));
  expect(Object.keys((await late.answered).outputs)).toEqual(outputs);
});

test("what is in flight in a generation that is over departs again, in front of what waits", () => {
  const { ledger, world, departed } = start(2);
  ledger.open(true);
  for (let count = 0; count < 4; count++) void ask(ledger);
  ledger.accept(1, 1, "y", value);
  world.generation = 2;
  ledger.recall((generation) => generation !== 2);
  expect(departed.slice(2)).toEqual([
    [2, 1],
    [2, 2],
  ]);
  // The old generation is late: nothing of it counts.
  answer(ledger, 1, 1);
  expect(ledger.stats).toMatchObject({ answered: 0, replayed: 2, inFlight: 2, waiting: 2 });
});

test("a request whose answer is complete is answered instead of departing again", async () => {
  const { ledger, world } = start();
  ledger.open(true);
  const { answered } = ask(ledger);
  for (const tensor of outputs) ledger.accept(1, 1, tensor, value);
  world.generation = 2;
  ledger.recall((generation) => generation !== 2);
  expect(Object.keys((await answered).outputs)).toEqual(outputs);
  expect(ledger.stats).toMatchObject({ answered: 1, replayed: 0 });
});

test("the same id is the same request, while it runs and after it was answered", async () => {
  const { ledger, departed } = start();
  ledger.open(true);
  const both = [ask(ledger, "one"), ask(ledger, "one")];
  answer(ledger, 1, 1);
  const third = ask(ledger, "one");
  const answers = await Promise.all([...both, third].map(({ answered }) => answered));
  expect(departed).toEqual([[1, 1]]);
  expect(new Set(answers.map(({ timings }) => timings)).size).toBe(1);
});

test("an id stands for the same inputs, while its request runs and after it was answered", async () => {
  const { ledger, departed } = start();
  ledger.open(true);
  const other: TensorValue = { ...value, data: new Uint8Array([8]) };
  const clash = () => ledger.ask({ inputs: { x: other }, id: "one", deadlineSeconds: null });
  const { answered } = ask(ledger, "one");
  expect(clash).toThrow(expect.objectContaining({ code: "REQUEST_ID_TAKEN" }));
  answer(ledger, 1, 1);
  await answered;
  expect(clash).toThrow(expect.objectContaining({ code: "REQUEST_ID_TAKEN" }));
  expect(departed).toEqual([[1, 1]]);
});

test("the id of a request that failed is free again", async () => {
  const { ledger, departed } = start();
  ledger.open(true);
  const failed = ask(ledger, "one").answered.catch((error) => error);
  ledger.fail(1, 1, "it failed");
  expect(await failed).toBe("it failed");
  void ask(ledger, "one");
  expect(departed.map(([, request]) => request)).toEqual([1, 2]);
});

test("a request ends when the last one who asked it gives it up", () => {
  const { ledger, ended } = start();
  ledger.open(true);
  const [one, other] = [ask(ledger, "id"), ask(ledger, "id")];
  one.withdraw();
  expect(ended).toEqual([]);
  other.withdraw();
  other.withdraw();
  expect(ended).toEqual([1]);
  expect(ledger.stats).toMatchObject({ inFlight: 0, answered: 0, failed: 0 });
});

test("fails at the deadline, in flight or not, and says which", async () => {
  const { ledger, clock, ended } = start(1);
  ledger.open(true);
  const failures = [ask(ledger, null, 3), ask(ledger, null, 2)].map(({ answered }) =>
    answered.catch((error) => error),
  );
  await clock.advance(seconds(5));
  const [inFlight, waiting] = await Promise.all(failures);
  expect(inFlight).toMatchObject({ code: "REQUEST_DEADLINE_EXCEEDED" });
  expect(inFlight.message).toContain("in flight,");
  expect(waiting.message).toContain("waiting for room");
  expect(ended).toEqual([1]);
  expect(ledger.stats.failed).toBe(2);
  ledger.open(false);
  const unserved = ask(ledger, null, 1).answered.catch((error) => error);
  await clock.advance(seconds(2));
  expect((await unserved).message).toContain("nothing serves");
});

test("a deadline is that of whoever set it: others who ask the same go on waiting", async () => {
  const { ledger, clock } = start();
  ledger.open(true);
  const hasty = ask(ledger, "id", 1).answered.catch((error) => error);
  const patient = ask(ledger, "id").answered;
  await clock.advance(seconds(2));
  expect(await hasty).toMatchObject({ code: "REQUEST_DEADLINE_EXCEEDED" });
  answer(ledger, 1, 1);
  expect(Object.keys((await patient).outputs)).toEqual(outputs);
});

type Happening =
  | { readonly type: "ask"; readonly id: string | null; readonly deadline: number | null }
  | {
      readonly type: "accept";
      readonly back: number;
      readonly request: number;
      readonly at: number;
    }
  | {
      readonly type: "report";
      readonly back: number;
      readonly request: number;
      readonly at: number;
    }
  | { readonly type: "fail"; readonly back: number; readonly request: number }
  | { readonly type: "withdraw"; readonly request: number }
  | { readonly type: "lose"; readonly at: number }
  | { readonly type: "reach"; readonly at: number }
  | { readonly type: "replay" }
  | { readonly type: "wait" };

const place = {
  back: fc.integer({ min: 0, max: 1 }),
  request: fc.integer({ min: 1, max: 8 }),
  at: fc.integer({ min: 0, max: 1 }),
};
const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant("ask" as const),
      id: fc.constantFrom(null, null, "p", "q"),
      deadline: fc.constantFrom(null, null, 2),
    }),
  },
  { weight: 10, arbitrary: fc.record({ type: fc.constant("accept" as const), ...place }) },
  { weight: 10, arbitrary: fc.record({ type: fc.constant("report" as const), ...place }) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant("fail" as const),
      back: place.back,
      request: place.request,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant("withdraw" as const), request: place.request }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("lose" as const), at: place.at }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("reach" as const), at: place.at }) },
  { weight: 1, arbitrary: fc.constant({ type: "replay" as const }) },
  { weight: 1, arbitrary: fc.constant({ type: "wait" as const }) },
);

const most = fc.constantFrom(1, 2, 3);

class Trial {
  readonly #parts: ReturnType<typeof start>;
  readonly #asked: { readonly outcome: string[]; readonly withdraw: () => void }[] = [];
  readonly #withdrawn = new Set<number>();
  readonly #most: number;
  /** Which request asked first under an id. */
  readonly #ids = new Map<string, number>();

  /** @param most requests that are joined; 1: none are */
  constructor(most: number) {
    this.#most = most;
    const joining = { most, waitSeconds: most === 3 ? 1 : 0, rows: 2 * most };
    this.#parts = start(3, most === 1 ? null : joining);
  }

  async run(happenings: readonly Happening[]): Promise<void> {
    const { ledger } = this.#parts;
    ledger.open(true);
    for (const event of happenings) {
      await this.#take(event);
      expect(ledger.inFlight.length).toBeLessThanOrEqual(3);
      const rows = ledger.inFlight.reduce((sum, pass) => sum + pass.entries.length, 0);
      expect(rows).toBeLessThanOrEqual(this.#most === 1 ? 3 : 2 * this.#most);
    }
  }

  /** What is left is answered, and time goes by. */
  async finish(): Promise<void> {
    const { ledger, world, clock } = this.#parts;
    while (ledger.requests.length > 0) {
      for (const { request } of ledger.inFlight) answer(ledger, world.generation, request);
      await clock.advance(seconds(1));
    }
    await clock.advance(seconds(10));
  }

  check(): void {
    const { ledger, ended, departed } = this.#parts;
    const all = outputs.toSorted().join();
    for (const [position, { outcome }] of this.#asked.entries()) {
      if (outcome.length === 0) expect(this.#withdrawn.has(position)).toBe(true);
      else expect([[`${all} of ${position}`], ["failed"]]).toContainEqual(outcome);
    }
    expect(ledger.stats).toMatchObject({ inFlight: 0, waiting: 0 });
    const started = new Set(departed.map(([, request]) => request));
    expect([...new Set(ended)].sort()).toEqual([...started].sort());
  }

  /** Now and then it has not as many rows as went in. */
  #made({ request, back }: { readonly request: number; readonly back: number }): TensorValue {
    const made = echo(this.#parts.ledger, request);
    return request === 4 && back === 0 && made.shape[0] !== 1 ? value : made;
  }

  async #take(event: Happening): Promise<void> {
    const { ledger, world, clock, lost } = this.#parts;
    const generation = world.generation - ("back" in event ? event.back : 0);
    switch (event.type) {
      case "ask":
        return this.#ask(event.id, event.deadline);
      case "accept":
        return ledger.accept(generation, event.request, outputs[event.at] ?? "", this.#made(event));
      case "report":
        return ledger.report(reporters[event.at] ?? "", reportOf(generation, event.request));
      case "fail":
        return ledger.fail(generation, event.request, "no");
      case "withdraw":
        this.#asked[event.request - 1]?.withdraw();
        this.#withdrawn.add(event.request - 1);
        return;
      case "lose":
        lost.add(reporters[event.at] ?? "");
        return ledger.reconsider();
      case "reach":
        lost.delete(reporters[event.at] ?? "");
        return;
      case "replay":
        world.generation++;
        // Some plans join fewer.
        if (world.joining !== null) {
          world.joining = { ...world.joining, most: 1 + ((world.generation + 1) % this.#most) };
        }
        ledger.open(false);
        ledger.recall((other) => other !== world.generation);
        ledger.fit();
        return ledger.open(true);
      case "wait":
        await clock.advance(seconds(1));
    }
  }

  #ask(id: string | null, deadline: number | null): void {
    // Requests of one id are the same.
    const first = this.#ids.get(id ?? "") ?? this.#asked.length;
    if (id !== null) this.#ids.set(id, first);
    const { answered, withdraw } = askRow(this.#parts.ledger, first, {
      id,
      deadlineSeconds: deadline,
    });
    const outcome: string[] = [];
    const position = this.#asked.length;
    this.#asked.push({ outcome, withdraw });
    const done = ({ outputs: given }: Inference) => {
      const isOwn = Object.values(given).every(({ data }) => data.join() === String(first));
      outcome.push(`${Object.keys(given).sort().join()} of ${isOwn ? position : "another"}`);
    };
    void answered.then(done, () => outcome.push("failed"));
  }
}

test("whatever comes, twice or late: each request ends once, and within the window", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(happening, { maxLength: 80 }), most, async (happenings, joined) => {
      const trial = new Trial(joined);
      await trial.run(happenings);
      await trial.finish();
      trial.check();
    }),
    { numRuns: 400 },
  );
});

test("says of no more than some thousand requests that they are open, and of none that it is over", () => {
  const { ledger } = start(2, { most: 2, waitSeconds: 0, rows: 4 });
  ledger.open(true);
  const asked = Array.from({ length: 4100 }, (_, position) => askRow(ledger, position % 256));
  answer(ledger, 1, 1);
  // The third goes on as number 4101, in front of all that wait.
  ledger.fail(1, 3, new CodedError("RUNTIME_FAILED", "too much"));
  const { below, open } = ledger.settled;
  expect(below).toBe(4099);
  expect(open).toEqual([2, ...Array.from({ length: 4095 }, (_, position) => 4 + position)]);
  for (const { withdraw } of asked) withdraw();
  expect(ledger.settled).toEqual({ below: 4102, open: [] });
});
