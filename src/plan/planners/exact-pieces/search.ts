import { evaluate } from "../../evaluate.ts";
import type { Placement } from "../../problem.ts";
import { FailureMemory } from "./failures.ts";
import { type PiecesModel, placeRuns } from "./model.ts";
import { type Effort, RunExtender, type Runs, relaxChains } from "./runs.ts";

/** A chain, that there is none, or that the steps ran out before either was sure. */
export type Found =
  | { readonly type: "found"; readonly placement: Placement; readonly value: number }
  | { readonly type: "none" }
  | { readonly type: "stopped" };

/** Chains of few runs are soon searched, and mostly there is one: rounds with one run more each. */
const shortRounds = 3;
/** Of the steps, at most, for each of these rounds. */
const shareOfShort = 0.005;
/** Steps between two reports. */
const stepsPerReport = 200_000;

/**
 * A chain of runs of pieces, each on a device of its own, with a period of at most `period`, if any.
 *
 * Depth-first over sequences of devices, short ones first. All places for the cuts are followed at once, since only the
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
  const relaxed = yield* relaxChains(model, period);
  const all = new RunExtender(relaxed, effort, model.runners.length);
  const fewest = all.fewestRuns();
  if (fewest > model.runners.length) return { type: "none" };
  for (let runs = fewest; runs < Math.min(fewest + shortRounds, all.mostRuns); runs++) {
    const most = effort.steps + (effort.most - effort.steps) * shareOfShort;
    const attempt = { steps: effort.steps, most };
    const found = yield* searchBelow(new RunExtender(relaxed, attempt, runs), attempt);
    effort.steps = attempt.steps;
    if (found.type === "found") return found;
  }
  return yield* searchBelow(all, effort);
}

function* searchBelow(extender: RunExtender, effort: Effort): Generator<null, Found> {
  const { model } = extender;
  const memory = new FailureMemory(model, effort);
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
    return {
      reach: this.#extender.furtherRuns({ ends, devices }),
      hop: cuts[this.runs.ends[0] ?? 0]?.wire[at] ?? 0,
    };
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
