import { setImmediate as settle } from "node:timers/promises";
import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { cellConformance } from "../../test/conformance/shared-cell.ts";
import { createMemoryCell, type MemoryCell } from "../../test/fixtures/memory-cell.ts";
import { seconds } from "../base/units.ts";
import { createVirtualClock, type VirtualClock } from "../base/virtual-clock.ts";
import { Candidate } from "./candidate.ts";
import type { Leader } from "./leader-record.ts";
import { type Leadership, usualTiming } from "./leadership.ts";

cellConformance("a cell in memory", async () => {
  const cell = createMemoryCell();
  return { one: cell.view(), other: cell.view() };
});

/** A coordinator that stands again whenever it has lost the lead. */
class Standing {
  readonly view: ReturnType<MemoryCell["view"]>;
  readonly terms: number[] = [];
  readonly over = new AbortController();
  leadership: Leadership | null = null;
  failure: unknown = null;

  constructor(cell: MemoryCell, clock: VirtualClock, id: string, more: Partial<Leader> = {}) {
    this.view = cell.view();
    const self: Leader = {
      ...{ id, addresses: [id], model: "m", command: "coordinator" },
      ...{ tokenMark: "t", fingerprint: null },
      ...more,
    };
    void this.#stand(clock, self).catch((error) => {
      this.failure = error;
    });
    onTestFinished(() => this.end());
  }

  get leads(): boolean {
    return this.leadership?.holds ?? false;
  }

  end(): void {
    this.over.abort();
  }

  async #stand(clock: VirtualClock, self: Leader): Promise<void> {
    while (!this.over.signal.aborted) {
      const candidate = new Candidate({ cell: this.view, clock, self });
      this.leadership = await candidate.lead(this.over.signal);
      this.terms.push(this.leadership.term);
      await this.leadership.lost;
    }
  }
}

function setting() {
  return { cell: createMemoryCell(), clock: createVirtualClock({ settle: () => settle() }) };
}

test("the first one leads at once, the second one when the first is cut off, within its silence", async () => {
  const { cell, clock } = setting();
  const one = new Standing(cell, clock, "one");
  await clock.advance(seconds(1));
  const two = new Standing(cell, clock, "two");
  await clock.advance(seconds(10));
  expect([one.leads, two.leads]).toEqual([true, false]);
  one.view.isCut = true;
  await clock.advance(seconds(usualTiming.leaseSeconds + 0.01));
  expect([one.leads, two.leads]).toEqual([false, false]);
  await clock.advance(seconds(usualTiming.silenceSeconds - usualTiming.leaseSeconds));
  expect([one.leads, two.leads]).toEqual([false, true]);
  one.view.isCut = false;
  await clock.advance(seconds(10));
  expect([one.leads, two.leads]).toEqual([false, true]);
  expect([one.terms, two.terms]).toEqual([[1], [2]]);
});

test("leaves a cluster alone that another version leads", async () => {
  const { cell, clock } = setting();
  const text = JSON.stringify({ format: "partita.leader/2", term: 7 });
  await cell.view().replace(0, text);
  const one = new Standing(cell, clock, "one");
  await clock.advance(seconds(5));
  expect(one.failure).toMatchObject({ code: "USAGE_INVALID" });
  expect(await cell.view().read()).toMatchObject({ text });
});

test("hands on at once what is resigned", async () => {
  const { cell, clock } = setting();
  const one = new Standing(cell, clock, "one");
  await clock.advance(seconds(1));
  const two = new Standing(cell, clock, "two");
  await clock.advance(seconds(1));
  one.end();
  await one.leadership?.resign();
  await clock.advance(seconds(0));
  expect([one.leads, two.leads]).toEqual([false, true]);
});

test("refuses to stand by for another token, authority, model and command", async () => {
  const { cell, clock } = setting();
  new Standing(cell, clock, "one");
  await clock.advance(seconds(1));
  const differing: Partial<Leader>[] = [
    { tokenMark: "u" },
    { fingerprint: "f" },
    { model: "n" },
    { command: "serve" },
  ];
  const others = differing.map((more, at) => new Standing(cell, clock, `other ${at}`, more));
  await clock.advance(seconds(1));
  for (const { failure } of others) expect(failure).toMatchObject({ code: "USAGE_INVALID" });
});

test("never two lead, whoever is cut off from the engine, and one does when nobody is", async () => {
  const cuts = fc.array(fc.tuple(fc.nat(2), fc.boolean(), fc.nat(25)), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(cuts, async (changes) => {
      const { cell, clock } = setting();
      const all = ["a", "b", "c"].map((id) => new Standing(cell, clock, id));
      const pass = async (steps: number): Promise<void> => {
        for (let step = 0; step < steps; step++) {
          await clock.advance(seconds(0.1));
          expect(all.filter(({ leads }) => leads).length).toBeLessThanOrEqual(1);
        }
      };
      for (const [who, isCut, steps] of changes) {
        for (const [at, { view }] of all.entries()) if (at === who) view.isCut = isCut;
        await pass(steps);
      }
      for (const { view } of all) view.isCut = false;
      await pass(40);
      expect(all.filter(({ leads }) => leads)).toHaveLength(1);
      const terms = all.flatMap((one) => one.terms);
      expect(new Set(terms).size).toBe(terms.length);
      for (const one of all) one.end();
    }),
    { numRuns: 30 },
  );
});
