import { writeFileSync } from "node:fs";
import type { Reply } from "./asking.ts";

/** Medians over the repeats. */
export interface Figures {
  /** Requests; `null`: they came when they came. */
  readonly perSecond: number | null;
  readonly p50Seconds: number;
  readonly p99Seconds: number;
  readonly requestsPerPass: number;
}

/** Of all requests of a cell, by how many went as one. */
export interface Answers {
  readonly joined: number;
  readonly requests: number;
  readonly bitEqual: number;
  /** The largest, relative to the largest magnitude of an answer. */
  readonly difference: number;
}

/** A plan for so many requests as one. */
export interface Cell {
  readonly model: string;
  readonly size: number;
  /** By stage. */
  readonly devices: readonly string[];
  readonly planned: { readonly perSecond: number; readonly latencySeconds: number };
  readonly inFlight: number;
  readonly closed: { readonly simulated: Figures; readonly measured: Figures };
  readonly poisson: readonly {
    /** The rate is a share of what the plan for so many as one answers a second. */
    readonly of: number;
    readonly rate: number;
    readonly simulated: Figures;
    readonly measured: Figures;
  }[];
  readonly answers: readonly Answers[];
}

/** @param repeats replies behind the warm-up @param rates requests a second of each */
export function figuresOf(
  repeats: readonly (readonly Reply[])[],
  rates: readonly number[] | null,
): Figures {
  // A pass of three counts three times among requests, and once among passes.
  const sizes = repeats.map((replies) => {
    return replies.length / replies.reduce((sum, { joined }) => sum + 1 / joined, 0);
  });
  return {
    perSecond: rates === null ? null : median(rates),
    ...percentiles(repeats.map((replies) => replies.map(({ latencySeconds }) => latencySeconds))),
    requestsPerPass: median(sizes),
  };
}

export function percentiles(
  repeats: readonly (readonly number[])[],
): Pick<Figures, "p50Seconds" | "p99Seconds"> {
  const at = (share: number) =>
    median(
      repeats.map((values) => {
        const sorted = values.toSorted((a, b) => a - b);
        return sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN;
      }),
    );
  return { p50Seconds: at(0.5), p99Seconds: at(0.99) };
}

export function answersOf(replies: readonly Reply[]): Answers[] {
  const counts = [...new Set(replies.map(({ joined }) => joined))].sort((a, b) => a - b);
  return counts.map((joined) => {
    const own = replies.filter((reply) => reply.joined === joined);
    const bitEqual = own.filter((reply) => reply.bitEqual).length;
    const difference = Math.max(...own.map((reply) => reply.difference));
    return { joined, requests: own.length, bitEqual, difference };
  });
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

export function writePage(
  machine: string,
  cells: readonly Cell[],
  { repeats, requests, load }: Readonly<Record<"repeats" | "requests" | "load", number>>,
): void {
  const text = `# Joining requests

\`npm run bench -- batching\`, ${new Date().toISOString().slice(0, 10)}: ${machine}.

Two devices as processes over loopback TCP, speeds and links imitated, and for each number of requests
as one the plan of the largest throughput from a profile that was measured just before. Nobody is held
for company (\`--max-wait 0\`). ${repeats} repeats of ${requests} requests behind a warm-up, all plans
of a model in turns; medians over the repeats, with percentiles of each. In the simulation nothing but
stages and links takes time.

## Closed loop

As many requests at once as the cluster takes.

${closedTable(cells)}

## Poisson arrivals

The same arrivals for the simulation and for the processes, at ${100 * load} % of what the plan without
joining ("of 1"), or the own one, answered a second in the closed loop.

${poissonTable(cells)}

## Answers

Each is compared with the whole model's answer to the same request alone.

${answerTable(cells)}
`;
  writeFileSync("bench/results/batching.md", text);
}

function closedTable(cells: readonly Cell[]): string {
  const lines = cells.map(({ model, size, devices, planned, inFlight, closed }) => {
    const { simulated, measured } = closed;
    const base = cells.find((other) => other.model === model && other.size === 1);
    const gain = (measured.perSecond ?? 0) / (base?.closed.measured.perSecond ?? Number.NaN);
    return [
      ...[model, size, devices.join(" → "), inFlight],
      ...[rate(planned.perSecond), rate(simulated.perSecond), rate(measured.perSecond)],
      ...[`${gain.toFixed(2)}x`, measured.requestsPerPass.toFixed(2)],
      ...[time(planned.latencySeconds), time(simulated.p50Seconds), time(measured.p50Seconds)],
    ];
  });
  const head = ["model", "as one", "plan", "at once", "planned /s", "simulated /s", "measured /s"];
  const more = ["against 1", "in a pass", "planned of a pass", "simulated p50", "measured p50"];
  return table([...head, ...more], lines);
}

function poissonTable(cells: readonly Cell[]): string {
  const lines = cells.flatMap(({ model, size, poisson }) =>
    poisson.map(({ of, rate: arriving, simulated, measured }) => [
      ...[model, size, `${rate(arriving)} (of ${of})`],
      ...[simulated.requestsPerPass.toFixed(2), measured.requestsPerPass.toFixed(2)],
      ...[time(simulated.p50Seconds), time(measured.p50Seconds)],
      ...[time(simulated.p99Seconds), time(measured.p99Seconds)],
    ]),
  );
  const head = ["model", "as one", "arriving /s", "in a pass: simulated", "measured"];
  return table([...head, "p50: simulated", "measured", "p99: simulated", "measured"], lines);
}

function answerTable(cells: readonly Cell[]): string {
  const lines = cells.flatMap(({ model, size, answers }) =>
    answers.map(({ joined, requests, bitEqual, difference }) => [
      ...[model, size, joined, requests, bitEqual],
      difference === 0 ? "0" : difference.toExponential(1),
    ]),
  );
  const head = ["model", "at most as one", "went as one", "requests", "bit-equal"];
  return table([...head, "largest relative difference"], lines);
}

function table(head: readonly string[], lines: readonly (readonly (string | number)[])[]): string {
  const row = (cells: readonly (string | number)[]) => `| ${cells.join(" | ")} |`;
  return [row(head), row(head.map(() => "---")), ...lines.map(row)].join("\n");
}

function rate(value: number | null): string {
  return value === null ? "" : String(Number(value.toPrecision(3)));
}

function time(value: number): string {
  return `${Number((1e3 * value).toPrecision(3))} ms`;
}
