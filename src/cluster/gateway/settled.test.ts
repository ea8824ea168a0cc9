import fc from "fast-check";
import { expect, test } from "vitest";
import { createVirtualClock } from "../../base/virtual-clock.ts";
import { joinRows } from "../../graph/row-value.ts";
import type { TensorValue } from "../../graph/tensor-value.ts";
import type { SettledMark } from "../data-message.ts";
import { Keeper } from "../keeper.ts";
import { Ledger } from "../ledger.ts";

const value: TensorValue = { dataType: "uint8", shape: [1], data: new Uint8Array([7]) };

/** What happens at the source, in this order; numbers choose among what there is then. */
type Step =
  | { readonly type: "ask" | "know" | "open" | "shut" | "replay" | "restart" }
  | { readonly type: "answer" | "fail" | "withdraw" | "hear"; readonly which: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constantFrom("ask", "ask", "ask", "know", "open", "open", "shut", "replay"),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constantFrom("answer", "fail", "withdraw", "hear", "hear", "hear"),
      which: fc.nat(30),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("restart") }) },
) as fc.Arbitrary<Step>;

/** A source, which may be started again, and a device that hears what has ended: late, twice, or never. */
class Story {
  readonly #most: number;
  readonly #keeper = new Keeper(1000);
  /** All that was ever said, by earlier processes too. */
  readonly #marks: SettledMark[] = [];
  #generation = 1;
  #departed = new Set<number>();
  #withdraws: (() => void)[] = [];
  #ledger: Ledger;

  /** @param most requests that are joined */
  constructor(most: number) {
    this.#most = most;
    this.#ledger = this.#start();
  }

  run(steps: readonly Step[]): void {
    for (const one of steps) {
      this.#take(one);
      this.#marks.push(this.#ledger.settled);
      this.#check();
    }
    this.#keeper.settle(this.#ledger.settled);
    const alive = this.#alive();
    const settled = [...this.#departed].filter((request) => this.#keeper.isSettled(request));
    expect(settled).toEqual([...this.#departed].filter((request) => !alive.has(request)));
  }

  #check(): void {
    const alive = this.#alive();
    const { below, open } = this.#ledger.settled;
    for (const request of alive) {
      expect(this.#keeper.isSettled(request)).toBe(false);
      expect(request >= below || open.includes(request)).toBe(true);
    }
    for (const request of this.#departed) {
      expect(request < below).toBe(true);
      expect(open.includes(request)).toBe(alive.has(request));
    }
  }

  #alive(): Set<number> {
    const { inFlight, returning, requests } = this.#ledger;
    return new Set([...inFlight, ...returning, ...requests].map(({ request }) => request));
  }

  #start(): Ledger {
    const ledger = new Ledger({
      clock: createVirtualClock(),
      room: () => ({
        passes: 3,
        joining: { most: this.#most, waitSeconds: 0, rows: 3 * this.#most },
      }),
      depart: ({ request }) => ({
        generation: this.#generation,
        source: "camera",
        outputs: ["y"],
        reporters: [],
        constants: {},
        start: () => this.#departed.add(request),
      }),
      onEnd: () => undefined,
      onAnswered: () => undefined,
      isLost: () => false,
      onTrace: () => undefined,
    });
    ledger.numberFrom(this.#generation);
    ledger.open(true);
    return ledger;
  }

  #take(one: Step): void {
    const ledger = this.#ledger;
    switch (one.type) {
      case "ask":
        this.#withdraws.push(
          ledger.ask({ inputs: { x: value }, id: null, deadlineSeconds: null }).withdraw,
        );
        break;
      case "know":
        this.#generation++;
        ledger.numberFrom(this.#generation);
        break;
      case "open":
      case "shut":
        ledger.open(one.type === "open");
        break;
      case "replay":
        this.#generation++;
        ledger.recall((generation) => generation !== this.#generation);
        break;
      case "restart":
        this.#generation++;
        this.#departed = new Set();
        this.#withdraws = [];
        this.#ledger = this.#start();
        break;
      case "withdraw":
        this.#withdraws[one.which % (this.#withdraws.length || 1)]?.();
        break;
      case "hear": {
        const mark = this.#marks[one.which % (this.#marks.length || 1)];
        if (mark !== undefined) this.#keeper.settle(mark);
        break;
      }
      default:
        this.#end(one.type, one.which);
    }
  }

  #end(type: "answer" | "fail", which: number): void {
    const { inFlight } = this.#ledger;
    const entry = inFlight[which % (inFlight.length || 1)];
    const generation = entry?.attempt?.departure.generation;
    if (entry === undefined || generation === undefined) return;
    if (type === "fail") this.#ledger.fail(generation, entry.request, "no");
    else
      this.#ledger.accept(generation, entry.request, "y", joinRows(entry.entries.map(() => value)));
  }
}

test("no request that is alive is ever taken for settled, and in the end all others are", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.constantFrom(1, 2, 4), (steps, most) => {
      new Story(most).run(steps);
    }),
    { numRuns: 500 },
  );
});
