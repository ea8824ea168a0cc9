/**
 * What it costs to move a tensor: one link at a time, and along the best route.
 *
 * @module
 */
import type { CodecCost } from "../graph/graph.ts";
import type { DeviceProfile } from "./profile.ts";
import { createRoutes } from "./routes.ts";
import type { Topology } from "./topology.ts";

/** What may travel: bytes as they are, and what lossless codecs make of them. */
export interface Cargo {
  readonly bytes: number;
  readonly codecs?: Readonly<Record<string, CodecCost>>;
}

/** The codec of a tensor on a link; `null`: the tensor goes as it is. */
export type CodecChoice = (link: number, tensor: number) => string | null;

/**
 * A topology with its names resolved to positions and its transfer costs as functions of link and tensor.
 *
 * Where a `share` can be given it is the part of the tensor's bytes that travels, above 0, default 1:
 * some of its rows. They go with the codec of the whole tensor, for codecs cost in proportion to bytes.
 */
export interface Hops {
  /** Positions of the devices at the ends of each link. */
  readonly links: readonly { readonly from: number; readonly to: number }[];
  /** One tensor for each kind of cargo; tensors of one kind cost the same on every link. */
  readonly samples: readonly number[];
  /** Position in `samples` of the tensor's kind. */
  sampleOf(tensor: number): number;
  /** The codec in use; `null`: none. */
  codec(link: number, tensor: number): string | null;
  /** Codecs that may be used: none on a link at whose ends a device only relays. */
  codecs(link: number, tensor: number): readonly string[];
  /** Bytes on the wire. */
  bytes(link: number, tensor: number, share?: number): number;
  /** The seconds that a tensor occupies a link: 8·bytes ÷ bandwidth. */
  wireSeconds(link: number, tensor: number, share?: number): number;
  /** The seconds that the sender itself works on a tensor. */
  sendSeconds(link: number, tensor: number, share?: number): number;
  /** The seconds that the receiver itself works on a tensor. */
  receiveSeconds(link: number, tensor: number, share?: number): number;
  /** Link latency, wire seconds and the work of both ends. */
  hopSeconds(link: number, tensor: number, share?: number): number;
  /**
   * The links of the route of least total seconds, every link with its fastest codec; among equal
   * ones that with fewer hops, then that whose device names come first. `null`: no route.
   * O(devices² + links) at the first call for a source and a kind of cargo.
   */
  route(from: number, to: number, tensor: number, share?: number): readonly number[] | null;
  /** The same routes with other codecs. */
  withCodecs(choice: CodecChoice): Hops;
  /** The parts of a hop without a codec: for sums over tensors. */
  readonly rates: HopRates;
}

/** A hop is linear in bytes: seconds = fixed + bytes · slope. */
export interface HopRates {
  /** Of a device that receives, for each tensor. */
  receiveSeconds(device: number): number;
  /** Of a device that sends or receives. */
  boundarySecondsPerByte(device: number): number;
  latencySeconds(link: number): number;
  wireSecondsPerByte(link: number): number;
}

/**
 * @param kinds what each device of the topology costs at speed 1; `null` for one that only relays,
 * whose own work counts as nothing
 * @returns costs with the fastest codec on every link
 */
export function createHops(
  topology: Topology,
  kinds: readonly (DeviceProfile | null)[],
  cargo: readonly Cargo[],
): Hops {
  const position = new Map(topology.devices.map(({ name }, device) => [name, device]));
  const links = topology.links.map(({ from, to }) => ({
    from: position.get(from) as number,
    to: position.get(to) as number,
  }));
  const rates = ratesOf(topology, kinds);
  const speeds = topology.devices.map(({ speed }) => speed);
  const cost = createCost(links, rates, speeds);
  const { samples, kindOf } = sortOut(cargo);
  const allowed = (link: number, tensor: number): readonly string[] => {
    const { from, to } = at(links, link);
    const isCoding = kinds[from] !== null && kinds[to] !== null;
    return isCoding ? Object.keys(at(cargo, tensor).codecs ?? {}) : [];
  };
  const findFastest = (link: number, tensor: number, share = 1): HopCost => {
    const load = shareOf(at(cargo, tensor), share);
    const options = allowed(link, tensor).map((name) => cost(link, load, name));
    return options.reduce(
      (best, option) => (option.whole < best.whole ? option : best),
      cost(link, load, null),
    );
  };
  const fastest = tabulate(links.length, samples, findFastest);
  const names = topology.devices.map(({ name }) => name);
  // Of most links routes need the seconds only: they do not fill the table.
  const shares = new Shares(samples.length);
  const seconds = (link: number, kind: number): number => {
    const { kind: whole, share } = shares.find(kind);
    return findFastest(link, at(samples, whole), share).whole;
  };
  const route = createRoutes(names, links, seconds);
  const build = (whole: (link: number, tensor: number) => HopCost): Hops => {
    const of = (link: number, tensor: number, share = 1): HopCost => {
      const cached = whole(link, tensor);
      return share === 1 ? cached : cost(link, shareOf(at(cargo, tensor), share), cached.codec);
    };
    return {
      links,
      samples,
      sampleOf: (tensor) => at(kindOf, tensor),
      codec: (link, tensor) => of(link, tensor).codec,
      codecs: allowed,
      bytes: (link, tensor, share) => of(link, tensor, share).bytes,
      wireSeconds: (link, tensor, share) => of(link, tensor, share).wire,
      sendSeconds: (link, tensor, share) => of(link, tensor, share).send,
      receiveSeconds: (link, tensor, share) => of(link, tensor, share).receive,
      hopSeconds: (link, tensor, share) => of(link, tensor, share).whole,
      route: (from, to, tensor, share = 1) =>
        route(from, to, shares.kindOf(at(kindOf, tensor), share)),
      withCodecs: (choice) => {
        const all = cargo.map((_, tensor) => tensor);
        return build(
          tabulate(links.length, all, (link, tensor) =>
            cost(link, at(cargo, tensor), choice(link, tensor)),
          ),
        );
      },
      rates,
    };
  };
  return build((link, tensor) => fastest(link, at(kindOf, tensor)));
}

/** What a hop costs with a codec, or without one. */
function createCost(
  links: Hops["links"],
  rates: HopRates,
  speeds: readonly number[],
): (link: number, cargo: Cargo, codec: string | null) => HopCost {
  return (link, { bytes, codecs }, name) => {
    const { from, to } = at(links, link);
    const codec = name === null ? plain : (codecs?.[name] ?? plain);
    const coded = codec === plain ? bytes : bytes / codec.ratio;
    const send =
      coded * rates.boundarySecondsPerByte(from) +
      (bytes * codec.encodeSecondsPerByte) / at(speeds, from);
    const receive =
      rates.receiveSeconds(to) +
      coded * rates.boundarySecondsPerByte(to) +
      (bytes * codec.decodeSecondsPerByte) / at(speeds, to);
    const wire = coded * rates.wireSecondsPerByte(link);
    const whole = rates.latencySeconds(link) + wire + send + receive;
    return { codec: codec === plain ? null : name, bytes: coded, wire, send, receive, whole };
  };
}

function shareOf(cargo: Cargo, share: number): Cargo {
  return share === 1 ? cargo : { ...cargo, bytes: cargo.bytes * share };
}

/** Kinds of cargo for routes: behind those of whole tensors, shares of them as they are asked for. */
class Shares {
  readonly #wholes: number;
  readonly #shares: { readonly kind: number; readonly share: number }[] = [];
  readonly #known: Map<number, number>[] = [];

  constructor(wholes: number) {
    this.#wholes = wholes;
  }

  /** @param kind of the whole tensor */
  kindOf(kind: number, share: number): number {
    if (share === 1) return kind;
    const own = this.#known[kind] ?? new Map<number, number>();
    this.#known[kind] = own;
    const known = own.get(share) ?? this.#wholes + this.#shares.length;
    if (!own.has(share)) this.#shares.push({ kind, share });
    own.set(share, known);
    return known;
  }

  find(kind: number): { readonly kind: number; readonly share: number } {
    return this.#shares[kind - this.#wholes] ?? { kind, share: 1 };
  }
}

interface HopCost {
  readonly codec: string | null;
  readonly bytes: number;
  readonly wire: number;
  readonly send: number;
  readonly receive: number;
  readonly whole: number;
}

const plain: CodecCost = { ratio: 1, encodeSecondsPerByte: 0, decodeSecondsPerByte: 0 };

function ratesOf(topology: Topology, kinds: readonly (DeviceProfile | null)[]): HopRates {
  const perByte = topology.devices.map(
    ({ speed }, device) => (kinds[device]?.boundarySecondsPerByte ?? 0) / speed,
  );
  const perTensor = topology.devices.map(
    ({ speed }, device) => (kinds[device]?.overheadSeconds ?? 0) / speed,
  );
  const secondsPerByte = topology.links.map((link) => 8 / link.bandwidthBitsPerSecond);
  const latency = topology.links.map((link) => link.latencySeconds as number);
  return {
    receiveSeconds: (device) => at(perTensor, device),
    boundarySecondsPerByte: (device) => at(perByte, device),
    latencySeconds: (link) => at(latency, link),
    wireSecondsPerByte: (link) => at(secondsPerByte, link),
  };
}

/** Kinds of cargo: tensors of one size and the same codecs. */
function sortOut(cargo: readonly Cargo[]): { samples: number[]; kindOf: number[] } {
  const samples: number[] = [];
  const known = new Map<string, number>();
  const kindOf = cargo.map(({ bytes, codecs }, tensor) => {
    const key = codecs === undefined ? String(bytes) : `${bytes} ${JSON.stringify(codecs)}`;
    const kind = known.get(key) ?? samples.length;
    if (kind === samples.length) samples.push(tensor);
    known.set(key, kind);
    return kind;
  });
  return { samples, kindOf };
}

/** Costs by link and kind of cargo, each worked out when it is first asked for. */
function tabulate(
  links: number,
  samples: readonly number[],
  cost: (link: number, tensor: number) => HopCost,
): (link: number, kind: number) => HopCost {
  // Rows are made when asked for: most tensors never travel, and links may be tens of thousands.
  const table = new Map<number, (HopCost | undefined)[]>();
  const addRow = (kind: number): (HopCost | undefined)[] => {
    const row = new Array<HopCost | undefined>(links);
    table.set(kind, row);
    return row;
  };
  return (link, kind) => {
    const row = table.get(kind) ?? addRow(kind);
    const known = row[link] ?? cost(link, at(samples, kind));
    row[link] = known;
    return known;
  };
}

function at<T>(items: readonly T[], position: number): T {
  return items[position] as T;
}
