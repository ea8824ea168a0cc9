import { evaluate } from "../../evaluate.ts";
import type { Incumbent } from "../../planner.ts";
import { Loads } from "./loads.ts";
import type { Flow } from "./model.ts";
import { type Effort, pause, type Table, type Tables } from "./tables.ts";

/** Loads that differ by less are equal; above the noise of sums, below what counts as better. */
const margin = 1 - 1e-10;

/** Where the last stage of a set begins, and who stands in front of it. */
interface Choice {
  readonly earlier: Table;
  readonly before: number;
  /** No completion has a smaller period. */
  readonly least: number;
}

/**
 * Goes through every chain of ideals whose bound is below the best period found, from the last stage
 * to the first, the most promising one first, with exact loads.
 */
export class StageSearch {
  readonly #tables: Tables;
  readonly #effort: Effort;
  readonly #loads: Loads;
  /** Stages chosen so far, the last one first: the ideal in front of each, and its device. */
  readonly #befores: number[] = [];
  readonly #devices: number[] = [];
  /** The period to beat. */
  ceiling: number;
  #nextPause = 0;
  /** Whether everything was gone through. */
  isComplete = true;

  constructor(tables: Tables, ceiling: number, effort: Effort) {
    this.#tables = tables;
    this.#effort = effort;
    this.#loads = new Loads(tables.model);
    this.ceiling = ceiling;
  }

  /** A period below which no placement is. */
  bound(): number {
    const least = this.#roots().reduce((least, root) => Math.min(least, root.least), this.ceiling);
    return least * margin;
  }

  /** Yields each better placement, and `null` now and then, so that the caller may stop. */
  *run(): Generator<Incumbent | null, void> {
    const { whole } = this.#tables.ideals;
    if (whole === 0) yield* this.#finish();
    for (const { set, last, least } of this.#roots()) {
      if (least < this.#cut()) yield* this.#descend(set, last, whole);
    }
  }

  /** Sets of devices that may hold everything, with their last stage; the best first. */
  #roots(): { set: number; last: number; least: number }[] {
    return [...this.#tables.tables]
      .flatMap(([set, tables]) =>
        tables.flatMap(({ last, ideals, least }) => {
          const row = ideals.indexOf(this.#tables.ideals.whole);
          return last === null || row < 0 ? [] : [{ set, last, least: least[row] as number }];
        }),
      )
      .sort((a, b) => a.least - b.least);
  }

  #cut(): number {
    return this.ceiling * margin;
  }

  *#descend(set: number, runner: number, after: number): Generator<Incumbent | null, void> {
    for (const choice of this.#choices(set, runner, after)) {
      if (this.#effort.steps > this.#effort.most) {
        this.isComplete = false;
        return;
      }
      if (choice.least >= this.#cut()) return;
      if (this.#effort.steps > this.#nextPause) {
        this.#nextPause = this.#effort.steps + pause;
        yield null;
      }
      const saved = this.#loads.save();
      this.#befores.push(choice.before);
      this.#devices.push(this.#tables.model.runners[runner] as number);
      if (this.#enter(runner, choice.before, after)) {
        const { last } = choice.earlier;
        if (last === null) yield* this.#finish();
        else yield* this.#descend(set ^ (1 << runner), last, choice.before);
      }
      this.#befores.pop();
      this.#devices.pop();
      this.#loads.restore(saved);
    }
  }

  #choices(set: number, runner: number, after: number): Choice[] {
    const cut = this.#cut();
    const choices: Choice[] = [];
    for (const earlier of this.#tables.before(set, runner)) {
      const { ideals, least } = earlier;
      for (let row = 0; row < ideals.length && (least[row] as number) < cut; row++) {
        this.#effort.steps++;
        const before = ideals[row] as number;
        if (!this.#isPossible(runner, before, after, cut)) continue;
        this.#effort.steps += 64;
        const seconds = this.#tables.stageSeconds({ set, runner, earlier }, before, after, cut);
        const rank = Math.max(seconds, least[row] as number);
        if (rank >= cut || !this.#tables.fits(runner, before, after, this.#effort)) continue;
        choices.push({ earlier, before, least: rank });
      }
    }
    return choices.sort((a, b) => a.least - b.least);
  }

  #isPossible(runner: number, before: number, after: number, cut: number): boolean {
    const tables = this.#tables;
    if (before === after || tables.computeSeconds(runner, before, after) >= cut) return false;
    return tables.canRun(runner, before, after) && tables.ideals.isSubset(before, after);
  }

  /** Adds the stage's own load and that of the tensors that it makes; `false` if that is too much. */
  #enter(runner: number, before: number, after: number): boolean {
    const { model } = this.#tables;
    const device = model.runners[runner] as number;
    this.#effort.steps += 256;
    this.#loads.addCompute(device, this.#tables.computeSeconds(runner, before, after));
    const isMadeHere = (position: number): boolean =>
      this.#isBetween((model.flows[position] as Flow).producer as number, before, after);
    for (const position of this.#tables.crossings.crossing[after] as readonly number[]) {
      if (isMadeHere(position) && !this.#send(position, device)) return false;
    }
    for (const position of model.delivered) {
      const { producer, consumers } = model.flows[position] as Flow;
      if (producer === null || !isMadeHere(position)) continue;
      if (consumers.some((unit) => !this.#tables.ideals.has(after, unit))) continue;
      if (!this.#send(position, device)) return false;
    }
    return this.#loads.max() < this.#cut();
  }

  #isBetween(unit: number, before: number, after: number): boolean {
    return this.#tables.ideals.has(after, unit) && !this.#tables.ideals.has(before, unit);
  }

  /** Adds the hops of a tensor all of whose consumers are placed. */
  #send(position: number, from: number): boolean {
    const { flows, problem } = this.#tables.model;
    const { consumers, isDelivered } = flows[position] as Flow;
    const destinations = new Set(consumers.map((unit) => this.#deviceOf(unit)));
    if (isDelivered) destinations.add(problem.sink as number);
    destinations.delete(from);
    return this.#loads.addFlow(position, from, destinations);
  }

  #deviceOf(unit: number): number {
    const stage = this.#befores.findIndex((before) => !this.#tables.ideals.has(before, unit));
    return this.#devices[stage] as number;
  }

  /** Every node is placed: brings the graph inputs, and keeps the placement if it is better. */
  *#finish(): Generator<Incumbent, void> {
    const { inputs, problem, contraction } = this.#tables.model;
    for (const position of inputs) if (!this.#send(position, problem.source)) return;
    if (this.#loads.max() >= this.#cut()) return;
    const placement = contraction.unitOf.map((unit) => this.#deviceOf(unit));
    this.#effort.steps += 500 * (placement.length + 10);
    const found = evaluate(problem, placement);
    if (found.type === "infeasible" || found.value >= this.ceiling) return;
    this.ceiling = found.value;
    yield { placement, value: found.value, bound: null };
  }
}
