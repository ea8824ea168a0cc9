import type { Problem } from "../../problem.ts";
import type { Crossings } from "./flows.ts";
import type { ThroughputModel } from "./model.ts";

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
    secondsPerByteOut: secondsPerByte(problem, linksOut(model, inside)),
    secondsPerByteIn: secondsPerByte(problem, linksIn(model, inside)),
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
    receiveFromEarlier: only(linksOut(model, before), "to", receiveShare),
    sendToEarlier: only(linksIn(model, before), "from", sendShare),
    sendOnward: only(linksOut(model, all), "from", sendShare),
    receiveFromOnward: only(linksIn(model, all), "to", receiveShare),
  };
}

/** The last stage of a set takes in what earlier devices make, and gives to those not in the set. */
export function portOf(model: ThroughputModel, earlier: number, runner: number): Port {
  const { problem, runners, routes } = model;
  const device = runners[runner] as number;
  const everyone = 2 ** runners.length - 1;
  const before = devicesOf(model, earlier);
  const behind = devicesOf(model, everyone ^ earlier ^ (1 << runner));
  const sources = new Set([...before, problem.source]);
  const sinks = new Set(problem.sink === null ? behind : [...behind, problem.sink]);
  if (device === problem.sink) for (const other of behind) sources.add(other);
  if (device === problem.source) for (const other of before) sinks.add(other);
  const incoming = new Set([...sources].flatMap((from) => routes[from]?.[device]?.lasts ?? []));
  const outgoing = new Set([...sinks].flatMap((to) => routes[device]?.[to]?.firsts ?? []));
  return {
    receive: incoming.size === 0 ? impossible : receiveShare(problem, device, [...incoming]),
    send: outgoing.size === 0 ? impossible : sendShare(problem, device, [...outgoing]),
    secondsPerByteIn: secondsPerByte(problem, [...incoming]),
    secondsPerByteOut: secondsPerByte(problem, [...outgoing]),
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

function linksOut(model: ThroughputModel, inside: ReadonlySet<number>): number[] {
  const { links } = model.problem.hops;
  return usedLinks(model).filter((link) => {
    const { from, to } = links[link] as { from: number; to: number };
    return inside.has(from) && !inside.has(to);
  });
}

function linksIn(model: ThroughputModel, inside: ReadonlySet<number>): number[] {
  const { links } = model.problem.hops;
  return usedLinks(model).filter((link) => {
    const { from, to } = links[link] as { from: number; to: number };
    return inside.has(to) && !inside.has(from);
  });
}

/** Links on some route; the others are never the best way anywhere. */
function usedLinks({ routes }: ThroughputModel): number[] {
  return [...new Set(routes.flatMap((row) => row.flatMap(({ all }) => all)))];
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
  const { rates } = problem.hops;
  return { fixed: rates.receiveSeconds(device), slope: rates.boundarySecondsPerByte(device) };
}

function sendShare(problem: Problem, device: number, links: readonly number[]): Share {
  if (isExclusive(problem, device)) return hopShare(problem, links);
  return { fixed: 0, slope: problem.hops.rates.boundarySecondsPerByte(device) };
}

/** The whole hop, over whichever link is cheapest in either respect. */
function hopShare(problem: Problem, links: readonly number[]): Share {
  const { links: ends, rates } = problem.hops;
  const shares = links.map((link) => {
    const { from, to } = ends[link] as { from: number; to: number };
    return {
      fixed: rates.latencySeconds(link) + rates.receiveSeconds(to),
      slope:
        rates.wireSecondsPerByte(link) +
        rates.boundarySecondsPerByte(from) +
        rates.boundarySecondsPerByte(to),
    };
  });
  return {
    fixed: Math.min(...shares.map(({ fixed }) => fixed)),
    slope: Math.min(...shares.map(({ slope }) => slope)),
  };
}

function isExclusive(problem: Problem, device: number): boolean {
  return problem.devices[device]?.communication === "exclusive";
}
