import type { Hops } from "../../cost/hops.ts";
import type { Problem } from "../problem.ts";

/** `null`: a tensor goes as it is. */
export type Option = string | null;

/** Codecs that are settled, by `keyOf`; all others are free. */
export type Settled = ReadonlyMap<string, Option>;

export function keyOf(link: number, tensor: number): string {
  return `${link} ${tensor}`;
}

/** What a tensor costs on a link. */
interface Costs {
  readonly bytes: number;
  readonly wire: number;
  readonly send: number;
  readonly receive: number;
  readonly whole: number;
}

/** The options of a tensor on a link, those left out that another one beats in everything. */
interface Entry {
  readonly options: readonly Option[];
  readonly costs: readonly Costs[];
  /** The least of each figure. */
  readonly least: Costs;
  /** The option that reaches all of them; `undefined`: none does. */
  readonly ideal: Option | undefined;
}

/** What every codec costs on every link. O(links · kinds of cargo · codecs²) time, when asked for. */
export class CodecTable {
  readonly #problem: Problem;
  readonly #variants: ReadonlyMap<Option, Hops>;
  readonly #entries = new Map<string, Entry>();

  constructor(problem: Problem) {
    const { hops } = problem;
    const names = new Set(
      hops.samples.flatMap((tensor) => hops.links.flatMap((_, link) => hops.codecs(link, tensor))),
    );
    this.#problem = problem;
    this.#variants = new Map(
      [null, ...names].map((name) => [name, hops.withCodecs(only(hops, name))]),
    );
  }

  /** Whether there is anything to choose. */
  get isEmpty(): boolean {
    return this.#variants.size === 1;
  }

  options(link: number, tensor: number): readonly Option[] {
    return this.#entry(link, tensor).options;
  }

  /** The option that is as good as any in every figure, or that is settled; `undefined`: none. */
  ideal(link: number, tensor: number, settled: Settled): Option | undefined {
    const own = settled.get(keyOf(link, tensor));
    return own === undefined ? this.#entry(link, tensor).ideal : own;
  }

  /** The option with the fewest bytes on the wire. */
  smallest(link: number, tensor: number): Option {
    const { options, costs } = this.#entry(link, tensor);
    const bytes = costs.map((cost) => cost.bytes);
    return options[bytes.indexOf(Math.min(...bytes))] as Option;
  }

  /** By how many seconds an option exceeds what the relaxation counts. */
  excess(link: number, tensor: number, option: Option): number {
    const { least } = this.#entry(link, tensor);
    const { wire, send, receive } = this.#costs(link, tensor, option);
    return wire - least.wire + send - least.send + receive - least.receive;
  }

  /**
   * A problem in which no placement costs more than with any choice of codecs that keeps to those that
   * are settled: each figure of a hop is the least over the codecs, each for itself.
   */
  relax(settled: Settled): Problem {
    const { hops, kinds } = this.#problem;
    const costs = (link: number, tensor: number): Costs => {
      const own = settled.get(keyOf(link, tensor));
      return own === undefined ? this.#entry(link, tensor).least : this.#costs(link, tensor, own);
    };
    const relaxed: Hops = {
      ...hops,
      ...this.#sorted(settled),
      codec: (link, tensor) => {
        const ideal = this.ideal(link, tensor, settled);
        return ideal === undefined ? hops.codec(link, tensor) : ideal;
      },
      bytes: (link, tensor) => costs(link, tensor).bytes,
      wireSeconds: (link, tensor) => costs(link, tensor).wire,
      sendSeconds: (link, tensor) => costs(link, tensor).send,
      receiveSeconds: (link, tensor) => costs(link, tensor).receive,
      hopSeconds: (link, tensor) => costs(link, tensor).whole,
    };
    if (settled.size === 0) return { ...this.#problem, hops: relaxed };
    // What is settled for one link is not for its like: devices of one kind are none any more.
    const own = kinds.map((kind) => (kind === null ? null : { ...kind }));
    return { ...this.#problem, hops: relaxed, kinds: own };
  }

  /** Kinds of cargo, where a tensor with a codec that is settled is a kind of its own. */
  #sorted(settled: Settled): Pick<Hops, "samples" | "sampleOf"> {
    const { hops, linkBytes } = this.#problem;
    if (settled.size === 0) return hops;
    const apart = new Set([...settled.keys()].map((key) => Number(key.split(" ")[1])));
    const samples: number[] = [];
    const known = new Map<string, number>();
    const kindOf = linkBytes.map((_, tensor) => {
      const key = apart.has(tensor) ? `tensor ${tensor}` : `kind ${hops.sampleOf(tensor)}`;
      const kind = known.get(key) ?? samples.length;
      if (kind === samples.length) samples.push(tensor);
      known.set(key, kind);
      return kind;
    });
    return { samples, sampleOf: (tensor) => kindOf[tensor] as number };
  }

  #entry(link: number, tensor: number): Entry {
    const key = keyOf(link, this.#problem.hops.sampleOf(tensor));
    const known = this.#entries.get(key) ?? this.#weigh(link, tensor);
    this.#entries.set(key, known);
    return known;
  }

  #weigh(link: number, tensor: number): Entry {
    const all = [null, ...this.#problem.hops.codecs(link, tensor)].map((option) => ({
      option,
      costs: this.#costs(link, tensor, option),
    }));
    const useful = all.filter(({ costs }, position) =>
      all.every(
        (other, place) =>
          place === position ||
          !isReached(costs, other.costs) ||
          (isReached(other.costs, costs) && position < place),
      ),
    );
    const costs = useful.map((one) => one.costs);
    const least = {
      bytes: Math.min(...costs.map(({ bytes }) => bytes)),
      wire: Math.min(...costs.map(({ wire }) => wire)),
      send: Math.min(...costs.map(({ send }) => send)),
      receive: Math.min(...costs.map(({ receive }) => receive)),
      whole: Math.min(...costs.map(({ whole }) => whole)),
    };
    const ideal = useful.find((one) => isReached(least, one.costs))?.option;
    return { options: useful.map(({ option }) => option), costs, least, ideal };
  }

  #costs(link: number, tensor: number, option: Option): Costs {
    const hops = this.#variants.get(option) as Hops;
    return {
      bytes: hops.bytes(link, tensor),
      wire: hops.wireSeconds(link, tensor),
      send: hops.sendSeconds(link, tensor),
      receive: hops.receiveSeconds(link, tensor),
      whole: hops.hopSeconds(link, tensor),
    };
  }
}

/** One codec wherever it may be used. */
function only(hops: Hops, name: Option): (link: number, tensor: number) => Option {
  return (link, tensor) =>
    name !== null && hops.codecs(link, tensor).includes(name) ? name : null;
}

/** Whether no figure of `other` is above that of `costs`. */
function isReached(costs: Costs, other: Costs): boolean {
  return (
    other.bytes <= costs.bytes &&
    other.wire <= costs.wire &&
    other.send <= costs.send &&
    other.receive <= costs.receive &&
    other.whole <= costs.whole
  );
}
