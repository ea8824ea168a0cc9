import type { Measured } from "./control-message.ts";
import type { HopTiming, Receipt, Report, StageTiming } from "./data-message.ts";

/** Shorter transfers tell more of the way there than of its rate. */
const leastBytes = 16 << 10;

interface HopSeen {
  count: number;
  bytes: number;
  readonly goodputs: number[];
}

export type Counts = Pick<
  Measured["body"],
  "answered" | "failed" | "replayed" | "inFlight" | "waiting"
>;

interface StageSeen {
  readonly rows: number;
  readonly timings: StageTiming[];
}

/** What devices report of the requests of one generation, gathered until somebody asks for it. */
export class Measuring {
  /** By stage, device and rows: several may run one together. */
  #stages = new Map<string, StageSeen>();
  /** Those that have run in this generation. */
  #begun = new Set<string>();
  #hops = new Map<string, Map<string, HopSeen>>();
  #latencies: number[] = [];
  #requests = 0;

  /**
   * Takes in a pass that was answered. O(stages + hops).
   *
   * @param requests that went as one in it
   * @param rows of their inputs; `null`: nobody has said what stages take for so many
   */
  take(
    reports: readonly Report[],
    latencySeconds: number,
    requests = 1,
    rows: number | null = 1,
  ): void {
    this.#requests += requests;
    this.#latencies.push(latencySeconds);
    const receipts = new Map(
      reports.flatMap((report) => report.receipts).map((receipt) => [keyOf(receipt), receipt]),
    );
    for (const { stages, hops } of reports) {
      if (rows !== null) for (const stage of stages) this.#stage(stage, rows);
      for (const hop of hops) this.#hop(hop, receipts.get(keyOf(hop)));
    }
  }

  /** What was seen since the last call. O(n log n) for n timings. */
  sum(generation: number, seconds: number, counts: Counts): Measured {
    const latencies = this.#latencies;
    const body = {
      generation,
      seconds,
      ...counts,
      latencySeconds: latencies.length === 0 ? null : mean(latencies),
      requestsPerPass: latencies.length === 0 ? null : this.#requests / latencies.length,
      stages: [...this.#stages.values()].map(({ rows, timings }) => ({
        stage: timings[0]?.stage ?? "",
        device: timings[0]?.device ?? "",
        rows,
        count: timings.length,
        computeSeconds: median(timings.map(({ computeSeconds }) => computeSeconds)),
        busySeconds: median(timings.map(({ busySeconds }) => busySeconds)),
        queueSeconds: median(timings.map(({ queueSeconds }) => queueSeconds)),
      })),
      hops: [...this.#hops].flatMap(([from, targets]) =>
        [...targets].map(([to, { count, bytes, goodputs }]) => ({
          from,
          to,
          count,
          bytes,
          goodputBitsPerSecond: goodputs.length === 0 ? null : median(goodputs),
        })),
      ),
    };
    this.#clear();
    return { type: "measured", body };
  }

  /** Forgets what was seen: what comes is of another generation. */
  reset(): void {
    this.#clear();
    this.#begun = new Set();
  }

  #clear(): void {
    this.#stages = new Map();
    this.#hops = new Map();
    this.#latencies = [];
    this.#requests = 0;
  }

  #stage(stage: StageTiming, rows: number): void {
    const key = `${stage.stage}\n${stage.device}\n${rows}`;
    // The first run of so many rows takes longer than those behind it: it meets fresh memory.
    if (!this.#begun.has(key)) {
      this.#begun.add(key);
      return;
    }
    const known = this.#stages.get(key);
    if (known === undefined) this.#stages.set(key, { rows, timings: [stage] });
    else known.timings.push(stage);
  }

  #hop(hop: HopTiming, receipt: Receipt | undefined): void {
    const { from, to, bytes, sendSeconds } = hop;
    const targets = this.#hops.get(from) ?? new Map<string, HopSeen>();
    this.#hops.set(from, targets);
    const seen = targets.get(to) ?? { count: 0, bytes: 0, goodputs: [] };
    targets.set(to, seen);
    seen.count++;
    seen.bytes += bytes;
    if (receipt === undefined || bytes < leastBytes) return;
    // A sender is done when its buffers have taken it; a receiver may have read ahead.
    const taken = Math.max(sendSeconds, receipt.seconds);
    if (taken > 0) seen.goodputs.push((8 * bytes) / taken);
  }
}

function keyOf({ tensor, from, to }: Pick<HopTiming, "tensor" | "from" | "to">): string {
  return JSON.stringify([tensor, from, to]);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}
