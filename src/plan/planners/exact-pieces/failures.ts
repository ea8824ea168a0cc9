import type { PiecesModel } from "./model.ts";
import type { Effort, Runs } from "./runs.ts";

/** Failures that are kept for each last device and end; those with the fewest devices are. */
const mostKept = 16;

/** What came to nothing: so does what ends alike with these devices and more, and no less load. */
interface Failure {
  /** The devices as bits. */
  readonly used: Int32Array;
  readonly count: number;
  /** The first device, where it matters; -1: it does not. */
  readonly first: number;
  readonly load: number;
  readonly air: number;
}

/** Chains that came to nothing, by the last device and the end of its run. */
export class FailureMemory {
  readonly #known: (Failure[] | undefined)[] = [];
  readonly #source: number;
  readonly #width: number;
  readonly #words: number;
  readonly #effort: Effort;

  constructor({ problem, cuts, runners }: PiecesModel, effort: Effort) {
    this.#effort = effort;
    this.#source = runners.includes(problem.source) ? problem.source : -1;
    this.#width = cuts.length + 1;
    this.#words = Math.ceil(problem.devices.length / 32);
  }

  keep(runs: Runs): void {
    const { devices, ends, loads, shared } = runs;
    if (devices.length === 0) return;
    const common = this.#commonOf(devices);
    ends.forEach((end, position) => {
      const failure = {
        ...common,
        load: loads[position] as number,
        air: shared[position] as number,
      };
      const at = this.#at(devices, end);
      const others = (this.#known[at] ?? []).filter((other) => !covers(failure, other));
      const place = others.findIndex(({ count }) => count > failure.count);
      others.splice(place < 0 ? others.length : place, 0, failure);
      if (others.length > mostKept) others.pop();
      this.#known[at] = others;
    });
  }

  /** The chains without those that can only fail; `null`: none is left. */
  filter(runs: Runs): Runs | null {
    const { devices, ends, loads, shared } = runs;
    const common = this.#commonOf(devices);
    const kept = ends.flatMap((end, position) => {
      const failures = this.#known[this.#at(devices, end)];
      if (failures === undefined) return [position];
      this.#effort.steps += failures.length;
      const load = loads[position] as number;
      const air = shared[position] as number;
      return failures.some((failure) => covers(failure, { ...common, load, air }))
        ? []
        : [position];
    });
    if (kept.length === 0) return null;
    if (kept.length === ends.length) return runs;
    const pick = (values: readonly number[]) => kept.map((position) => values[position] as number);
    return { devices, ends: pick(ends), loads: pick(loads), shared: pick(shared) };
  }

  #at(devices: readonly number[], end: number): number {
    return (devices.at(-1) as number) * this.#width + end;
  }

  /** What a source that is still free will send depends on the first device. */
  #commonOf(devices: readonly number[]): Pick<Failure, "used" | "count" | "first"> {
    const used = new Int32Array(this.#words);
    for (const device of devices) (used[device >>> 5] as number) |= 1 << (device & 31);
    const isFree = this.#source >= 0 && !devices.includes(this.#source);
    return { used, count: devices.length, first: isFree ? (devices[0] as number) : -1 };
  }
}

/** Whether a failure stands for another chain with the same last device and end. */
function covers(failure: Failure, other: Failure): boolean {
  if (failure.load > other.load || failure.air > other.air) return false;
  if (failure.count > other.count || failure.first !== other.first) return false;
  for (let word = 0; word < failure.used.length; word++) {
    if (((failure.used[word] as number) & ~(other.used[word] as number)) !== 0) return false;
  }
  return true;
}
