import type { Arrival, Departure, Observation, Observer } from "../observer.ts";
import type { ModelRepository } from "../served-model.ts";
import { shareOfRun } from "../share-of-run.ts";

/** How often something was, and how long all of it took. */
export interface Duration {
  readonly count: number;
  readonly ns: number;
}

/**
 * What one model did, in the fields of Triton's statistics extension. `queue` is the wait for room in
 * the pipeline, `compute_infer` the way through it, with what devices wait for on it.
 */
export interface ModelStatistics {
  readonly name: string;
  readonly version: string;
  /** Milliseconds since 1970; 0: none came. */
  readonly last_inference: number;
  readonly inference_count: number;
  readonly execution_count: number;
  readonly inference_stats: Readonly<Record<Quantity, Duration>>;
  /** Not told apart by size. */
  readonly batch_stats: readonly never[];
}

const quantities = [
  "success",
  "fail",
  "queue",
  "compute_input",
  "compute_infer",
  "compute_output",
] as const;
type Quantity = (typeof quantities)[number];

interface Sums {
  lastMilliseconds: number;
  runs: number;
  readonly seconds: Map<Quantity, { count: number; seconds: number }>;
}

/** Counts what became of requests, by model. */
export class Statistics implements Observer {
  readonly #calendar: () => number;
  readonly #sums = new Map<string, Sums>();

  /** @param calendar milliseconds since 1970 */
  constructor(calendar: () => number) {
    this.#calendar = calendar;
  }

  begun({ model, version }: Arrival): Observation {
    const sums = this.#of(model, version);
    sums.lastMilliseconds = this.#calendar();
    return { traceparent: null, ended: (departure) => count(sums, departure) };
  }

  /**
   * Of the models of a repository.
   *
   * @param name left out: of all
   * @throws MODEL_UNKNOWN, MODEL_NOT_READY for one that is not loaded and was never asked
   */
  of(repository: ModelRepository, name?: string, version = ""): readonly ModelStatistics[] {
    const entries = repository.index();
    if (name === undefined) return entries.map((entry) => this.#read(entry.name, entry.version));
    const entry = entries.find(
      (known) => known.name === name && (version === "" || version === known.version),
    );
    const found = entry ?? repository.find(name, version);
    return [this.#read(name, found.version)];
  }

  #of(model: string, version: string): Sums {
    const key = JSON.stringify([model, version]);
    const known = this.#sums.get(key);
    if (known !== undefined) return known;
    const sums = { lastMilliseconds: 0, runs: 0, seconds: new Map() };
    this.#sums.set(key, sums);
    return sums;
  }

  #read(name: string, version: string): ModelStatistics {
    const { lastMilliseconds, runs, seconds } = this.#of(name, version);
    const duration = (quantity: Quantity): Duration => {
      const sum = seconds.get(quantity) ?? { count: 0, seconds: 0 };
      return { count: sum.count, ns: Math.round(sum.seconds * 1e9) };
    };
    return {
      name,
      version,
      last_inference: lastMilliseconds,
      inference_count: duration("success").count,
      // Shares of joined requests, which add up to whole runs but for what rounding leaves.
      execution_count: Math.round(runs),
      inference_stats: Object.fromEntries(
        quantities.map((quantity) => [quantity, duration(quantity)]),
      ) as Record<Quantity, Duration>,
      batch_stats: [],
    };
  }
}

function count(sums: Sums, departure: Departure): void {
  const { seconds } = sums;
  const add = (quantity: Quantity, more: number) => {
    const sum = seconds.get(quantity) ?? { count: 0, seconds: 0 };
    seconds.set(quantity, { count: sum.count + 1, seconds: sum.seconds + more });
  };
  const { outcome, totalSeconds, inputSeconds, outputSeconds } = departure;
  if (outcome.type === "failed") {
    add("fail", totalSeconds);
    return;
  }
  const { timings } = outcome.inference;
  sums.runs += shareOfRun(timings);
  add("success", totalSeconds);
  add("queue", timings.waitSeconds);
  add("compute_input", inputSeconds);
  add("compute_infer", timings.totalSeconds);
  add("compute_output", outputSeconds);
}
