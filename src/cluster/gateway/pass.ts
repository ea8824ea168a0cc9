/**
 * What goes through a generation: one request, or several whose inputs are joined along their first axis.
 *
 * @module
 */
import { joinRows, splitRows } from "../../graph/row-value.ts";
import type { TensorValue } from "../../graph/tensor-value.ts";
import type { TensorValues } from "../../runtime/runtime.ts";
import type { Report, RequestTimings } from "../data-message.ts";
import type { Inference } from "../inference.ts";
import type { Entry } from "./entry.ts";

/** A pass that goes into a generation. */
export interface Departure {
  readonly generation: number;
  /** The device where requests come in. */
  readonly source: string;
  /** Names of the tensors, or regions of them, that make the answer complete. */
  readonly outputs: readonly string[];
  /** Devices that report when they have done their work for it. */
  readonly reporters: readonly string[];
  /** Makes graph outputs of them; left out: that is what they are. @throws TENSOR_SHAPE_MISMATCH */
  readonly whole?: (outputs: TensorValues) => TensorValues;
  /** Added to each answer. */
  readonly constants: TensorValues;
  /** Sends it on its way. */
  readonly start: () => void;
}

/** One way through a generation. */
export interface Attempt {
  readonly departure: Departure;
  readonly outputs: Map<string, TensorValue>;
  /** Those that have not reported. */
  readonly silent: Set<string>;
  readonly reports: Report[];
}

/** Whose tensors devices keep under one number: it stays as it is until it has ended. */
export interface Pass {
  /** What devices know it by: the number that its first request had. */
  readonly request: number;
  /** In the order of their rows; those that nobody waits for any more stand there, too. */
  readonly entries: readonly Entry[];
  /** Generations that it was in flight in. */
  readonly generations: Set<number>;
  startedAt: number;
  answeredAt: number;
  /** `null`: it waits. */
  attempt: Attempt | null;
}

/** @param entries at least one; of one form if there are more */
export function passOf(entries: readonly Entry[]): Pass {
  const [first] = entries;
  if (first === undefined) throw new Error("nothing goes");
  const { request } = first;
  const pass = { request, entries, generations: new Set<number>() };
  const begun: Pass = { ...pass, startedAt: 0, answeredAt: 0, attempt: null };
  for (const entry of entries) entry.pass = begun;
  return begun;
}

/** Requests that somebody waits for. */
export function wantedOf(pass: Pass): Entry[] {
  return pass.entries.filter((entry) => entry.pass === pass);
}

export function isJoined({ entries }: Pass): boolean {
  return entries.length > 1;
}

export function rowsOf({ entries }: Pass): number {
  return entries.reduce((sum, { rows }) => sum + rows, 0);
}

/** @param tensor an input of its requests */
export function inputOf({ entries }: Pass, tensor: string): TensorValue {
  return joinRows(
    entries.map(({ inputs }) => {
      const value = inputs[tensor];
      if (value === undefined) throw new Error(`input '${tensor}' was checked, yet is missing`);
      return value;
    }),
  );
}

export function isComplete({ attempt }: Pass): boolean {
  if (attempt === null) return false;
  return attempt.departure.outputs.every((name) => attempt.outputs.has(name));
}

/**
 * Of an attempt that is complete: the answers to its requests, in their order.
 *
 * @throws TENSOR_SHAPE_MISMATCH if regions of it are no tensor, or an output has not a row for each
 * row of the inputs
 */
export function answersOf(pass: Pass, { departure, outputs, reports }: Attempt): Inference[] {
  const { request, entries, startedAt, answeredAt } = pass;
  const answered = Object.fromEntries(outputs);
  const whole = departure.whole?.(answered) ?? answered;
  const counts = entries.map(({ rows }) => rows);
  const parts = Object.entries(whole).map(
    ([name, value]) => [name, isJoined(pass) ? splitRows(value, counts) : [value]] as const,
  );
  const stages = reports.flatMap((report) => report.stages);
  const hops = reports.flatMap((report) => report.hops);
  const joined = { request, requests: entries.length, rows: rowsOf(pass) };
  return entries.map((entry, position) => {
    const own = parts.flatMap(([name, values]) => {
      const value = values[position];
      return value === undefined ? [] : [[name, value] as const];
    });
    const timings: RequestTimings = {
      source: departure.source,
      waitSeconds: startedAt - entry.askedAt,
      totalSeconds: answeredAt - startedAt,
      stages,
      hops,
      ...(isJoined(pass) ? { joined } : {}),
    };
    const answer = { ...Object.fromEntries(own), ...departure.constants };
    return { request: entry.request, outputs: answer, timings };
  });
}
