import type { Arrival, Departure, Observation, Observer } from "../observer.ts";
import type { ModelRepository } from "../served-model.ts";
import { shareOfRun } from "../share-of-run.ts";

/** How often something was, and how long all of it took. */
export interface Duration {
  readonly count: number;
  readonly ns: number;
}

/** What runs of the model did that had so many inferences each. */
export interface BatchStatistics {
  /** See `batchSize`. */
  readonly batch_size: number;
  /** `count` are runs. */
  readonly compute_input: Duration;
  readonly compute_infer: Duration;
  readonly compute_output: Duration;
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
  /** A request of several rows counts as so many. */
  readonly inference_count: number;
  readonly execution_count: number;
  readonly inference_stats: Readonly<Record<Quantity | CacheQuantity, Duration>>;
  /** The smallest size first. */
  readonly batch_stats: readonly BatchStatistics[];
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

/** Nothing is answered from a cache, but clients read these. */
type CacheQuantity = "cache_hit" | "cache_miss";

const never: Duration = { count: 0, ns: 0 };

/** Of all runs with one number of inferences. */
interface Runs {
  runs: number;
  inputSeconds: number;
  inferSeconds: number;
  outputSeconds: number;
}

interface Sums {
  lastMilliseconds: number;
  inferences: number;
  readonly seconds: Map<Quantity, { count: number; seconds: number }>;
  /** By how many inferences a run had. */
  readonly batches: Map<number, Runs>;
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
    const sums = { lastMilliseconds: 0, inferences: 0, seconds: new Map(), batches: new Map() };
    this.#sums.set(key, sums);
    return sums;
  }

  #read(name: string, version: string): ModelStatistics {
    const { lastMilliseconds, inferences, seconds, batches } = this.#of(name, version);
    const duration = (quantity: Quantity): Duration => {
      const sum = seconds.get(quantity) ?? { count: 0, seconds: 0 };
      return durationOf(sum.count, sum.seconds);
    };
    const runs = [...batches.values()].reduce((sum, batch) => sum + batch.runs, 0);
    return {
      name,
      version,
      last_inference: lastMilliseconds,
      inference_count: inferences,
      execution_count: Math.round(runs),
      inference_stats: {
        ...(Object.fromEntries(
          quantities.map((quantity) => [quantity, duration(quantity)]),
        ) as Record<Quantity, Duration>),
        cache_hit: never,
        cache_miss: never,
      },
      batch_stats: [...batches]
        .sort(([one], [other]) => one - other)
        .map(([size, batch]) => batchStatistics(size, batch)),
    };
  }
}

/** @param count of shares of joined requests, which add up to whole runs but for what rounding leaves */
function durationOf(count: number, seconds: number): Duration {
  return { count: Math.round(count), ns: Math.round(seconds * 1e9) };
}

function batchStatistics(size: number, batch: Runs): BatchStatistics {
  const { runs, inputSeconds, inferSeconds, outputSeconds } = batch;
  return {
    batch_size: size,
    compute_input: durationOf(runs, inputSeconds),
    compute_infer: durationOf(runs, inferSeconds),
    compute_output: durationOf(runs, outputSeconds),
  };
}

/** Up to it, every size is counted by itself. */
const largestOwnSize = 64;

/** Clients choose sizes: larger ones count as the next power of two, which makes them few. */
function batchSize(rows: number): number {
  return rows <= largestOwnSize ? rows : 2 ** Math.ceil(Math.log2(rows));
}

function count(sums: Sums, departure: Departure): void {
  const { seconds, batches } = sums;
  const add = (quantity: Quantity, more: number) => {
    const sum = seconds.get(quantity) ?? { count: 0, seconds: 0 };
    seconds.set(quantity, { count: sum.count + 1, seconds: sum.seconds + more });
  };
  const { outcome, totalSeconds, inputSeconds, outputSeconds } = departure;
  if (outcome.type === "failed") {
    add("fail", totalSeconds);
    return;
  }
  const { rows, inference } = outcome;
  const { timings } = inference;
  sums.inferences += rows;
  add("success", totalSeconds);
  add("queue", timings.waitSeconds);
  add("compute_input", inputSeconds);
  add("compute_infer", timings.totalSeconds);
  add("compute_output", outputSeconds);
  const size = batchSize(timings.joined?.rows ?? rows);
  const share = shareOfRun(timings);
  const batch = batches.get(size) ?? {
    runs: 0,
    inputSeconds: 0,
    inferSeconds: 0,
    outputSeconds: 0,
  };
  batch.runs += share;
  batch.inputSeconds += inputSeconds;
  batch.inferSeconds += timings.totalSeconds * share;
  batch.outputSeconds += outputSeconds;
  batches.set(size, batch);
}
