/**
 * Hops, codecs and routes a second time: what the oracle knows about links.
 *
 * @module
 */
import type { Question } from "./planner-oracle.ts";

/** One tensor over one link, coded or not. */
export interface Crossing {
  /** `null`: as it is. */
  readonly codec: string | null;
  readonly bytes: number;
  readonly wire: number;
  readonly send: number;
  readonly receive: number;
  readonly whole: number;
}

/** By tensor and link. */
export type Crossings = readonly (readonly Crossing[])[];

export interface Wiring {
  readonly links: readonly LinkEnds[];
  /** By tensor and link every way to cross, that without a codec first. */
  readonly options: readonly (readonly (readonly Crossing[])[])[];
  /** How the cost model crosses where nobody says otherwise. */
  readonly usual: Crossings;
  /** The least of everything that some codec promises: no choice of codecs costs less. */
  readonly least: Crossings;
  /** By tensor, from and to: the links of the best route as a bit set; `null`: none. */
  readonly routes: readonly (readonly (readonly (number | null)[])[])[];
}

type LinkEnds = Question["topology"]["links"][number] & {
  readonly position: number;
  readonly ends: readonly [number, number];
};

export function wire(question: Question): Wiring {
  const { profile, topology } = question;
  const names = topology.devices.map(({ name }) => name);
  const links = topology.links.map((link, position) => ({
    ...link,
    position,
    ends: [names.indexOf(link.from), names.indexOf(link.to)] as const,
  }));
  const options = profile.graph.tensors.map((tensor) =>
    links.map((link) => crossingsOf(question, tensor, link)),
  );
  const fastest = options.map((row) =>
    row.map((ways) => cheapest(ways, (crossing) => crossing.whole)),
  );
  const usual = options.map((row) =>
    row.map((ways, link) =>
      cheapest(ways, (crossing) => priceOf(question, links[link] as LinkEnds, crossing)),
    ),
  );
  const least = options.map((row) => row.map(leastOf));
  const routes = fastest.map((row) =>
    names.map((_, from) => names.map((_, to) => bestPath(links, names, row, from, to))),
  );
  return { links, options, usual, least, routes };
}

function crossingsOf(
  { profile, topology }: Question,
  tensor: Question["profile"]["graph"]["tensors"][number],
  { ends, bandwidthBitsPerSecond, latencySeconds }: LinkEnds,
): Crossing[] {
  const stated = profile.graph.inputs.includes(tensor.name)
    ? topology.inputBytes[tensor.name]
    : undefined;
  const raw: number = stated ?? tensor.bytes;
  const [sender, receiver] = ends.map((device) => {
    const { profile: kind = Object.keys(profile.devices)[0] ?? "", speed } = topology.devices[
      device
    ] as Question["topology"]["devices"][number];
    return { speed, kind: kind === "none" ? null : (profile.devices[kind] ?? null) };
  }) as [End, End];
  const cross = (codec: string | null, ratio: number, encode: number, decode: number) => {
    const bytes = raw / ratio;
    const send = (bytes * (sender.kind?.boundarySecondsPerByte ?? 0) + raw * encode) / sender.speed;
    const receive =
      ((receiver.kind?.overheadSeconds ?? 0) +
        bytes * (receiver.kind?.boundarySecondsPerByte ?? 0) +
        raw * decode) /
      receiver.speed;
    const onWire = (8 * bytes) / bandwidthBitsPerSecond;
    const whole = latencySeconds + onWire + send + receive;
    return { codec, bytes, wire: onWire, send, receive, whole };
  };
  const isCoding = stated === undefined && sender.kind !== null && receiver.kind !== null;
  const codecs = isCoding ? Object.entries(tensor.codecs ?? {}) : [];
  return [
    cross(null, 1, 0, 0),
    ...codecs.map(([name, { ratio, encodeSecondsPerByte, decodeSecondsPerByte }]) =>
      cross(name, ratio, encodeSecondsPerByte, decodeSecondsPerByte),
    ),
  ];
}

interface End {
  readonly speed: number;
  readonly kind: Question["profile"]["devices"][string] | null;
}

/** The first of the cheapest. */
function cheapest(ways: readonly Crossing[], price: (crossing: Crossing) => number): Crossing {
  const best = Math.min(...ways.map(price));
  return ways.find((way) => price(way) === best) as Crossing;
}

/** What a hop adds to a sum; for the throughput, which is none, its seconds. */
function priceOf({ topology, objective }: Question, link: LinkEnds, crossing: Crossing): number {
  const { whole, send, receive, bytes } = crossing;
  if (objective.type === "latency" || objective.type === "throughput") return whole;
  const idle = topology.devices.reduce((sum, device) => sum + device.idleWatts * whole, 0);
  const working = [send, receive].reduce((sum, seconds, end) => {
    const device = topology.devices[link.ends[end] as number];
    return sum + ((device?.busyWatts ?? 0) - (device?.idleWatts ?? 0)) * seconds;
  }, 0);
  const joules = idle + working + link.energyJoulesPerBit * 8 * bytes;
  return objective.type === "energy"
    ? joules
    : objective.latency * whole + objective.energySecondsPerJoule * joules;
}

function leastOf(ways: readonly Crossing[]): Crossing {
  const least = (of: (crossing: Crossing) => number) => Math.min(...ways.map(of));
  return {
    codec: null,
    bytes: least(({ bytes }) => bytes),
    wire: least(({ wire: seconds }) => seconds),
    send: least(({ send }) => send),
    receive: least(({ receive }) => receive),
    whole: least(({ whole }) => whole),
  };
}

/** Every simple path is tried. */
function bestPath(
  links: readonly LinkEnds[],
  names: readonly string[],
  crossing: readonly Crossing[],
  from: number,
  to: number,
): number | null {
  let best: Path | null = null;
  const walk = (at: number, seconds: number, path: number[], visited: number[]): void => {
    if (at === to) {
      const found = { seconds, path, names: visited.map((device) => names[device] as string) };
      if (best === null || comparePaths(found, best) < 0) best = found;
      return;
    }
    for (const { ends, position } of links) {
      if (ends[0] !== at || visited.includes(ends[1])) continue;
      const next = seconds + (crossing[position] as Crossing).whole;
      walk(ends[1], next, [...path, position], [...visited, ends[1]]);
    }
  };
  walk(from, 0, [], [from]);
  if (best === null) return null;
  return (best as Path).path.reduce((set, link) => set | (1 << link), 0);
}

interface Path {
  readonly seconds: number;
  readonly path: readonly number[];
  readonly names: readonly string[];
}

function comparePaths(a: Path, b: Path): number {
  if (a.seconds !== b.seconds) return a.seconds - b.seconds;
  if (a.path.length !== b.path.length) return a.path.length - b.path.length;
  const differing = a.names.findIndex((name, position) => name !== b.names[position]);
  return (a.names[differing] ?? "") < (b.names[differing] ?? "") ? -1 : 1;
}
