import { evaluate } from "../evaluate.ts";
import type { Placement } from "../problem.ts";
import { type PiecesModel, placeRuns } from "./exact-pieces-model.ts";
import { type Effort, RunExtender, type Runs } from "./exact-pieces-runs.ts";

/** A chain, that there is none, or that the steps ran out before either was sure. */
export type Found =
  | { readonly type: "found"; readonly placement: Placement; readonly value: number }
  | { readonly type: "none" }
  | { readonly type: "stopped" };

/** Steps between two reports. */
const stepsPerReport = 200_000;
/** Numbers that are kept of chains that came to nothing. */
const rememberedNumbers = 2e7;

/**
 * A chain of runs of pieces, each on a device of its own, with a period of at most `period`, if any.
 *
 * Depth-first over sequences of devices. All places for the cuts are followed at once, since only the
 * least load of the last device counts for what comes behind: so a sequence is tried once, and what
 * came to nothing with one order of the devices used is not tried with another. Where `evaluate`
 * finds more than a sequence promised (loads that meet on a relay or medium, other limits), its cuts
 * are tried one by one. Yields `null` every now and then.
 */
export function* searchChains(
  model: PiecesModel,
  period: number,
  effort: Effort,
): Generator<null, Found> {
  const extender = new RunExtender(model, period, effort);
  const memory = new FailureMemory(model);
  const stack = [new Frame(extender, extender.root())];
  let reported = effort.steps;
  for (let frame = stack.at(-1); frame !== undefined; frame = stack.at(-1)) {
    if (effort.steps > effort.most) return { type: "stopped" };
    if (effort.steps - reported > stepsPerReport) {
      reported = effort.steps;
      yield null;
    }
    const next = frame.next();
    if (next === undefined) {
      stack.pop();
      const parent = stack.at(-1);
      if (frame.isCertain) memory.keep(frame.runs);
      else if (parent !== undefined) parent.isCertain = false;
      continue;
    }
    const runs = memory.filter(next);
    if (runs === null) continue;
    const child = new Frame(extender, runs);
    if (runs.ends.at(-1) === model.cuts.length) {
      const found = yield* settle(extender, [...stack.map((each) => each.runs), runs], effort);
      if (found !== null) return found;
      child.isCertain = false;
    }
    stack.push(child);
  }
  return { type: "none" };
}

/** Chains and those that lengthen them by one device, the furthest first. */
class Frame {
  readonly runs: Runs;
  /** Whether all that came to nothing did so for reasons that hold for every order of the devices. */
  isCertain = true;
  readonly #extender: RunExtender;
  #children: readonly Runs[] | undefined;
  #taken = 0;

  constructor(extender: RunExtender, runs: Runs) {
    this.#extender = extender;
    this.runs = runs;
  }

  next(): Runs | undefined {
    this.#children ??= this.#expand();
    return this.#children[this.#taken++];
  }

  #expand(): Runs[] {
    const { model } = this.#extender;
    const { devices } = this.runs;
    const count = model.cuts.length;
    const open = this.runs.ends.some((end) => end < count)
      ? model.runners.filter((device) => this.#isNext(device))
      : [];
    const begun = {
      ...this.runs,
      ends: this.runs.ends.filter((end) => end < count),
    };
    return open
      .flatMap((device) => this.#extender.extend(begun, device) ?? [])
      .map((runs) => ({ runs, rank: this.#rank(runs, devices.at(-1)) }))
      .sort((a, b) => a.rank.reach - b.rank.reach || a.rank.hop - b.rank.hop)
      .map(({ runs }) => runs);
  }

  /** Of devices that are alike the first is taken first. */
  #isNext(device: number): boolean {
    const { devices } = this.runs;
    const twin = this.#extender.model.twinBefore[device] as number;
    return !devices.includes(device) && (twin < 0 || devices.includes(twin));
  }

  #rank({ ends, devices }: Runs, from: number | undefined): { reach: number; hop: number } {
    const { problem, cuts } = this.#extender.model;
    const at = (from ?? problem.source) * problem.devices.length + (devices.at(-1) as number);
    return { reach: -(ends.at(-1) as number), hop: cuts[this.runs.ends[0] ?? 0]?.wire[at] ?? 0 };
  }
}

/** Chains that came to nothing, by the set of their devices and the last of them. */
class FailureMemory {
  readonly #known = new Map<string, Float64Array>();
  readonly #source: number;
  readonly #hasShared: boolean;
  readonly #width: number;

  constructor({ problem, cuts, runners }: PiecesModel) {
    this.#source = runners.includes(problem.source) ? problem.source : -1;
    this.#hasShared = cuts.some(({ shared }) => shared !== null);
    this.#width = cuts.length + 1;
  }

  keep({ devices, ends, loads, shared }: Runs): void {
    // With two devices there is one order only.
    if (devices.length < 3) return;
    const key = this.#key(devices);
    let failed = this.#known.get(key);
    if (failed === undefined) {
      if (2 * this.#width * this.#known.size > rememberedNumbers) return;
      failed = new Float64Array(2 * this.#width).fill(Number.POSITIVE_INFINITY);
      this.#known.set(key, failed);
    }
    for (const [position, end] of ends.entries()) {
      const load = loads[position] as number;
      const air = shared[position] as number;
      const at = 2 * end;
      // One failure stands for those that are no better in both.
      if (load > (failed[at] as number) || air > (failed[at + 1] as number)) continue;
      failed[at] = load;
      failed[at + 1] = air;
    }
  }

  /** The chains without those that can only fail; `null`: none is left. */
  filter(runs: Runs): Runs | null {
    if (runs.devices.length < 3) return runs;
    const failed = this.#known.get(this.#key(runs.devices));
    if (failed === undefined) return runs;
    const kept = runs.ends.flatMap((end, position) => {
      const load = runs.loads[position] as number;
      const air = runs.shared[position] as number;
      const isWorse =
        load >= (failed[2 * end] as number) &&
        (!this.#hasShared || air >= (failed[2 * end + 1] as number));
      return isWorse ? [] : [position];
    });
    if (kept.length === 0) return null;
    const pick = (values: readonly number[]) => kept.map((position) => values[position] as number);
    return {
      devices: runs.devices,
      ends: pick(runs.ends),
      loads: pick(runs.loads),
      shared: pick(runs.shared),
    };
  }

  /** What a source that is still free will send depends on the first device. */
  #key(devices: readonly number[]): string {
    const first = this.#source >= 0 && !devices.includes(this.#source) ? devices[0] : -1;
    return `${devices.at(-1)} ${first} ${devices.toSorted((a, b) => a - b)}`;
  }
}

/** The chain that a sequence of devices promises, or the first of its chains that holds. */
function* settle(
  extender: RunExtender,
  chain: readonly Runs[],
  effort: Effort,
): Generator<null, Found | null> {
  const { model, period } = extender;
  const count = model.cuts.length;
  const devices = chain.at(-1)?.devices ?? [];
  const tryRuns = (ends: readonly number[]): Found | null => {
    effort.steps += model.starts[count] as number;
    const placement = placeRuns(model, ends, devices);
    const found = evaluate(model.problem, placement);
    if (found.type === "infeasible" || found.value > period) return null;
    return { type: "found", placement, value: found.value };
  };
  const promised = tryRuns(trace(extender, chain));
  if (promised !== null) return promised;
  const open = [{ runs: extender.root(), ends: [] as number[] }];
  for (let top = open.pop(); top !== undefined; top = open.pop()) {
    if (effort.steps > effort.most) return null;
    if (top.ends.length === devices.length) {
      const found = top.ends.at(-1) === count ? tryRuns(top.ends) : null;
      if (found !== null) return found;
      if (open.length % 16 === 0) yield null;
      continue;
    }
    if (top.ends.at(-1) === count) continue;
    const longer = extender.extend(top.runs, devices[top.ends.length] as number);
    longer?.ends.forEach((end, position) => {
      const runs = {
        devices: longer.devices,
        ends: [end],
        loads: [longer.loads[position] as number],
        shared: [longer.shared[position] as number],
      };
      open.push({ runs, ends: [...(top?.ends ?? []), end] });
    });
  }
  return null;
}

/** The ends of the runs that give the last device its least load. */
function trace(extender: RunExtender, chain: readonly Runs[]): number[] {
  const ends = [extender.model.cuts.length];
  for (let run = chain.length - 1; run > 1; run--) {
    const before = chain[run - 1] as Runs;
    const after = chain[run] as Runs;
    const end = ends[0] as number;
    const load = after.loads[after.ends.indexOf(end)];
    const cut = before.ends.findIndex((from, position) => {
      if (from >= end) return false;
      const only = {
        devices: before.devices,
        ends: [from],
        loads: [before.loads[position] as number],
        shared: [before.shared[position] as number],
      };
      const reached = extender.extend(only, after.devices.at(-1) as number);
      return reached?.loads[reached.ends.indexOf(end)] === load;
    });
    ends.unshift(before.ends[cut] as number);
  }
  return ends;
}
