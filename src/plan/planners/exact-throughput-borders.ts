import type { Problem } from "../problem.ts";
import type { Crossings } from "./exact-throughput-flows.ts";
import type { ThroughputModel } from "./exact-throughput-model.ts";

/** Seconds of a device for tensors that pass: `fixed` each and `slope` a byte. */
export interface Share {
  readonly fixed: number;
  readonly slope: number;
}

const nothing: Share = { fixed: 0, slope: 0 };
const impossible: Share = { fixed: Number.POSITIVE_INFINITY, slope: Number.POSITIVE_INFINITY };

/** What the border around the devices of a set costs at least, whoever of them made what passes. */
export interface Border {
  /** Seconds a byte that links are loaded by, out of the set and into it. */
  readonly secondsPerByteOut: number;
  readonly secondsPerByteIn: number;
  readonly hasSource: boolean;
  readonly hasSink: boolean;
}

/** What the last stage of a set does for all that passes the borders before and behind it. */
export interface Passage {
  /** For what leaves the earlier devices, what comes back to them; 0 where it may go another way. */
  readonly receiveFromEarlier: Share;
  readonly sendToEarlier: Share;
  /** For what leaves the whole set and what comes back to it. */
  readonly sendOnward: Share;
  readonly receiveFromOnward: Share;
}

/** What a stage does at least for its own tensors. */
export interface Port {
  readonly receive: Share;
  readonly send: Share;
  readonly secondsPerByteIn: number;
  readonly secondsPerByteOut: number;
}

export function borderOf(model: ThroughputModel, set: number): Border {
  const { problem } = model;
  const inside = devicesOf(model, set);
  return {
    secondsPerByteOut: secondsPerByte(problem, linksOut(problem, inside)),
    secondsPerByteIn: secondsPerByte(problem, linksIn(problem, inside)),
    hasSource: inside.has(problem.source),
    hasSink: problem.sink !== null && inside.has(problem.sink),
  };
}

export function passageOf(model: ThroughputModel, earlier: number, runner: number): Passage {
  const { problem } = model;
  const device = model.runners[runner] as number;
  const before = devicesOf(model, earlier);
  const all = new Set([...before, device]);
  const ends = problem.hops.links;
  const only = (
    links: readonly number[],
    side: "from" | "to",
    share: typeof receiveShare,
  ): Share =>
    links.length > 0 && links.every((link) => ends[link]?.[side] === device)
      ? share(problem, device, links)
      : nothing;
  return {
    receiveFromEarlier: only(linksOut(problem, before), "to", receiveShare),
    sendToEarlier: only(linksIn(problem, before), "from", sendShare),
    sendOnward: only(linksOut(problem, all), "from", sendShare),
    receiveFromOnward: only(linksIn(problem, all), "to", receiveShare),
  };
}

export function portOf({ problem, runners }: ThroughputModel, runner: number): Port {
  const device = runners[runner] as number;
  const own = new Set([device]);
  const incoming = linksIn(problem, own);
  const outgoing = linksOut(problem, own);
  return {
    receive: incoming.length === 0 ? impossible : receiveShare(problem, device, incoming),
    send: outgoing.length === 0 ? impossible : sendShare(problem, device, outgoing),
    secondsPerByteIn: secondsPerByte(problem, incoming),
    secondsPerByteOut: secondsPerByte(problem, outgoing),
  };
}

/** Count and bytes of what leaves a set of devices that holds an ideal. */
export function outflow(border: Border, crossings: Crossings, at: number): number {
  let sum = crossings.crossingSum[at] as number;
  if (border.hasSource) {
    const inputs = border.hasSink ? crossings.inputsOutside : crossings.inputsOutsideOrDelivered;
    sum += inputs[at] as number;
  }
  return border.hasSink ? sum : sum + (crossings.deliveredInside[at] as number);
}

/** Count and bytes of what comes into a set of devices that holds an ideal, or back to it. */
export function inflow(border: Border, crossings: Crossings, at: number): number {
  let sum = 0;
  if (!border.hasSource) {
    const inputs = border.hasSink ? crossings.inputsInsideOrDelivered : crossings.inputsInside;
    sum += inputs[at] as number;
  }
  return border.hasSink ? sum + (crossings.deliveredOutside[at] as number) : sum;
}

function devicesOf({ runners }: ThroughputModel, set: number): Set<number> {
  return new Set(runners.filter((_, runner) => ((set >> runner) & 1) === 1));
}

function linksOut(problem: Problem, inside: ReadonlySet<number>): number[] {
  return problem.hops.links.flatMap(({ from, to }, link) =>
    inside.has(from) && !inside.has(to) ? [link] : [],
  );
}

function linksIn(problem: Problem, inside: ReadonlySet<number>): number[] {
  return problem.hops.links.flatMap(({ from, to }, link) =>
    inside.has(to) && !inside.has(from) ? [link] : [],
  );
}

/** 8 ÷ the sum of the rates, where links of one medium give no more than the fastest of them. */
function secondsPerByte(problem: Problem, links: readonly number[]): number {
  const rates = new Map<string, number>();
  for (const link of links) {
    const { medium, bandwidthBitsPerSecond } = problem.topology.links[link] ?? {};
    const key = medium === undefined ? `link ${link}` : `medium ${medium}`;
    rates.set(key, Math.max(rates.get(key) ?? 0, bandwidthBitsPerSecond ?? 0));
  }
  return 8 / [...rates.values()].reduce((sum, rate) => sum + rate, 0);
}

function receiveShare(problem: Problem, device: number, links: readonly number[]): Share {
  if (isExclusive(problem, device)) return hopShare(problem, links);
  return linear((bytes) => problem.hops.receiveSeconds(device, bytes));
}

function sendShare(problem: Problem, device: number, links: readonly number[]): Share {
  if (isExclusive(problem, device)) return hopShare(problem, links);
  return linear((bytes) => problem.hops.sendSeconds(device, bytes));
}

/** The whole hop, over whichever link is cheapest in either respect. */
function hopShare(problem: Problem, links: readonly number[]): Share {
  const shares = links.map((link) => linear((bytes) => problem.hops.hopSeconds(link, bytes)));
  return {
    fixed: Math.min(...shares.map(({ fixed }) => fixed)),
    slope: Math.min(...shares.map(({ slope }) => slope)),
  };
}

function linear(seconds: (bytes: number) => number): Share {
  // A power of two, so large that the fixed share does not blur the slope.
  const many = 2 ** 40;
  return { fixed: seconds(0), slope: (seconds(many) - seconds(0)) / many };
}

function isExclusive(problem: Problem, device: number): boolean {
  return problem.devices[device]?.communication === "exclusive";
}
