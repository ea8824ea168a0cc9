/**
 * How links and devices change over time: a piecewise constant state of the world.
 *
 * @module
 */
import { CodedError } from "../base/errors.ts";
import { nominalState, type State } from "./state.ts";
import type { Topology } from "./topology.ts";

/** From these seconds on, one link or device is as stated; positions are those of the topology. */
export type TraceChange = { readonly seconds: number } & (
  | { readonly link: number; readonly bandwidthBitsPerSecond: number }
  | { readonly device: number; readonly slowDown: number }
);

export interface Trace {
  /** What holds before the first change: the topology's own values. */
  readonly start: State;
  /** In the order of their seconds; no link or device changes twice at once. */
  readonly changes: readonly TraceChange[];
}

/** A state, and for how long it holds. */
export interface WeightedState {
  readonly state: State;
  readonly weightSeconds: number;
}

/** The state at a time, changes at that very time included. O(changes + links + devices). */
export function stateAt(trace: Trace, seconds: number): State {
  const state = copyOf(trace.start);
  for (const change of trace.changes) {
    if (change.seconds > seconds) break;
    apply(change, state);
  }
  return state;
}

/** The times at which something changes, ascending, each once. */
export function changeTimes(trace: Trace): number[] {
  return [...new Set(trace.changes.map(({ seconds }) => seconds))];
}

/**
 * Every state in the order of time, with the seconds for which it holds. The last one, whose end no
 * trace knows, counts as long as the one before it; a state that never changes has weight 1.
 *
 * O(change times · (links + devices)) time and memory.
 */
export function statesOf(trace: Trace): WeightedState[] {
  const times = changeTimes(trace);
  if (times[0] !== 0) times.unshift(0);
  const states: WeightedState[] = [];
  const state = copyOf(trace.start);
  let next = 0;
  let weightSeconds = 1;
  times.forEach((time, position) => {
    for (; (trace.changes[next]?.seconds ?? Number.POSITIVE_INFINITY) <= time; next++) {
      apply(trace.changes[next] as TraceChange, state);
    }
    const end = times[position + 1];
    if (end !== undefined) weightSeconds = end - time;
    states.push({ state: copyOf(state), weightSeconds });
  });
  return states;
}

/**
 * Joins traces of one topology, one of links and one of devices for instance.
 *
 * @throws TRACE_INVALID if two of them change one link or device at the same time
 */
export function mergeTraces(traces: readonly Trace[], topology: Topology): Trace {
  const changes = traces.flatMap((trace) => trace.changes).sort((a, b) => a.seconds - b.seconds);
  const seen = new Set<string>();
  for (const change of changes) {
    const key = `${change.seconds} ${"link" in change ? `l${change.link}` : `d${change.device}`}`;
    if (seen.has(key)) {
      throw invalid(
        `two traces change ${nameOf(change, topology)} at ${change.seconds} s; keep one of them`,
        { seconds: change.seconds },
      );
    }
    seen.add(key);
  }
  return { start: nominalState(topology), changes };
}

/**
 * Reads a trace: lines of `seconds,link,bandwidthBitsPerSecond` or of `seconds,device,slowDown`,
 * which the first line says. A link is `from->to`, `from<->to` for both directions, or the name of a
 * medium for all of its links. The seconds of one link or device increase from line to line. Fields
 * are split at commas and cannot be quoted.
 *
 * @param file its name, for messages
 * @throws TRACE_INVALID
 */
export function readTrace(text: string, topology: Topology, file: string): Trace {
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  while (lines.at(-1)?.trim() === "") lines.pop();
  const kind = headers.get(fieldsOf(lines[0] ?? "").join(","));
  if (kind === undefined) {
    throw invalid(
      `${file}: the first line is "${lines[0] ?? ""}"; expected "${[...headers.keys()].join('" or "')}"`,
      { file, line: 1 },
    );
  }
  if (lines.length < 2) throw invalid(`${file}: there is no line below the first`, { file });
  const targets = kind === "link" ? linksByName(topology) : devicesByName(topology);
  const last = new Map<number, number>();
  const changes = lines.slice(1).flatMap((line, position) => {
    const where = `${file}: line ${position + 2}`;
    const row = readRow(line, kind, targets, where);
    for (const target of row.targets) {
      const before = last.get(target);
      if (before !== undefined && row.seconds <= before) {
        throw invalid(
          `${where} stands at ${row.seconds} s, but '${row.name}' was already given at ${before} s; seconds of one ${kind} must increase`,
          { file, line: position + 2 },
        );
      }
      last.set(target, row.seconds);
    }
    return row.targets.map(
      (target): TraceChange =>
        kind === "link"
          ? { seconds: row.seconds, link: target, bandwidthBitsPerSecond: row.value }
          : { seconds: row.seconds, device: target, slowDown: row.value },
    );
  });
  return {
    start: nominalState(topology),
    changes: changes.sort((a, b) => a.seconds - b.seconds),
  };
}

type Kind = "link" | "device";

const headers: ReadonlyMap<string, Kind> = new Map([
  ["seconds,link,bandwidthBitsPerSecond", "link"],
  ["seconds,device,slowDown", "device"],
]);

interface Row {
  readonly seconds: number;
  readonly name: string;
  readonly targets: readonly number[];
  readonly value: number;
}

function readRow(
  line: string,
  kind: Kind,
  targetsByName: ReadonlyMap<string, readonly number[]>,
  where: string,
): Row {
  const fields = fieldsOf(line);
  const [time = "", name = "", written = ""] = fields;
  if (fields.length !== 3) {
    throw invalid(`${where} has ${fields.length} fields, expected 3: "${line}"`);
  }
  const targets = targetsByName.get(name);
  if (targets === undefined) {
    throw invalid(
      `${where} names ${kind} '${name}', which the topology has not (${kind}s: ${[...targetsByName.keys()].join(", ")})`,
    );
  }
  const seconds = toNumber(time);
  if (!(seconds >= 0)) {
    throw invalid(`${where} has "${time}" as seconds; expected a number of at least 0`);
  }
  const value = toNumber(written);
  if (value > 0) return { seconds, name, targets, value };
  const column = kind === "link" ? "bandwidthBitsPerSecond" : "slowDown";
  throw invalid(
    `${where} has "${written}" as ${column}; expected a number above 0, without a unit`,
  );
}

function fieldsOf(line: string): string[] {
  return line.split(",").map((field) => field.trim());
}

/** `NaN` for what is no finite number; an empty field is none. */
function toNumber(written: string): number {
  const value = written === "" ? Number.NaN : Number(written);
  return Number.isFinite(value) ? value : Number.NaN;
}

/** Links by every name that people may give them. */
export function linksByName({ links }: Topology): Map<string, number[]> {
  const found = new Map<string, number[]>();
  const name = (key: string, link: number): void => {
    found.set(key, [...(found.get(key) ?? []), link]);
  };
  links.forEach(({ from, to, medium }, link) => {
    name(`${from}->${to}`, link);
    const back = links.findIndex((other) => other.from === to && other.to === from);
    if (back >= 0) {
      name(`${from}<->${to}`, link);
      name(`${to}<->${from}`, link);
    }
    if (medium !== undefined) name(medium, link);
  });
  return found;
}

export function devicesByName({ devices }: Topology): Map<string, number[]> {
  return new Map(devices.map(({ name }, device) => [name, [device]]));
}

function nameOf(change: TraceChange, { links, devices }: Topology): string {
  if ("device" in change) return `device '${devices[change.device]?.name}'`;
  const link = links[change.link];
  return `the link ${link?.from} → ${link?.to}`;
}

function copyOf({ bandwidthBitsPerSecond, slowDown }: State): { [K in keyof State]: number[] } {
  return { bandwidthBitsPerSecond: [...bandwidthBitsPerSecond], slowDown: [...slowDown] };
}

function apply(change: TraceChange, state: { readonly [K in keyof State]: number[] }): void {
  if ("link" in change) {
    state.bandwidthBitsPerSecond[change.link] = change.bandwidthBitsPerSecond;
  } else state.slowDown[change.device] = change.slowDown;
}

function invalid(message: string, details: Readonly<Record<string, unknown>> = {}): CodedError {
  return new CodedError("TRACE_INVALID", message, details);
}
