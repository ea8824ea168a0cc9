import type { Hops } from "../../../cost/hops.ts";
import type { Problem } from "../../problem.ts";

/** `null`: a tensor goes as it is. */
export type Option = string | null;

/** Codecs that are settled, by `keyOf`; all others are free. */
export type Settled = ReadonlyMap<string, Option>;

export function keyOf(link: number, tensor: number): string {
  return `${link} ${tensor}`;
}

/** What a tensor costs on a link: bytes and seconds. */
export interface Costs {
  readonly bytes: number;
  readonly wire: number;
  readonly send: number;
  readonly receive: number;
  readonly whole: number;
}

/** What a tensor may cost on a link. */
export interface Choices {
  readonly options: readonly Option[];
  /** Of each option. */
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
  readonly #known = new Map<string, Choices>();

  constructor(problem: Problem) {
    const { hops } = problem;
    const names = new Set(
      hops.samples.flatMap((tensor) => hops.links.flatMap((_, link) => hops.codecs(link, tensor))),
    );
    this.#problem = problem;
    const options = names.size === 0 ? [] : [null, ...names];
    this.#variants = new Map(options.map((name) => [name, hops.withCodecs(only(hops, name))]));
  }

  /** Whether there is nothing to choose. */
  get isEmpty(): boolean {
    return this.#variants.size === 0;
  }

  /** All options but those that another one beats in everything. */
  choices(link: number, tensor: number): Choices {
    const key = keyOf(link, this.#problem.hops.sampleOf(tensor));
    const known = this.#known.get(key) ?? this.#weigh(link, tensor);
    this.#known.set(key, known);
    return known;
  }

  /** The option with the fewest bytes on the wire. */
  smallest(link: number, tensor: number): Option {
    const { options, costs, least } = this.choices(link, tensor);
    return options[costs.findIndex(({ bytes }) => bytes === least.bytes)] as Option;
  }

  /** Those of the choices in which nothing that the hop loads is busy for `seconds` with it alone. */
  below(link: number, choices: Choices, seconds: number): Choices {
    const { devices, hops } = this.#problem;
    const { from, to } = hops.links[link] as { from: number; to: number };
    const isExclusive = [from, to].some((end) => devices[end]?.communication === "exclusive");
    const kept = choices.costs.flatMap((costs, position) => {
      const { wire, send, receive, whole } = costs;
      const isLess = Math.max(wire, send, receive, isExclusive ? whole : 0) < seconds;
      return isLess ? [{ option: choices.options[position] as Option, costs }] : [];
    });
    return kept.length === 0 || kept.length === choices.options.length ? choices : summary(kept);
  }

  /** One option alone. */
  settle(link: number, tensor: number, option: Option): Choices {
    return summary([{ option, costs: this.#costs(link, tensor, option) }]);
  }

  #weigh(link: number, tensor: number): Choices {
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
    return summary(useful);
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

function summary(options: readonly { option: Option; costs: Costs }[]): Choices {
  const costs = options.map((one) => one.costs);
  const least = {
    bytes: Math.min(...costs.map(({ bytes }) => bytes)),
    wire: Math.min(...costs.map(({ wire }) => wire)),
    send: Math.min(...costs.map(({ send }) => send)),
    receive: Math.min(...costs.map(({ receive }) => receive)),
    whole: Math.min(...costs.map(({ whole }) => whole)),
  };
  const ideal = options.find((one) => isReached(least, one.costs))?.option;
  return { options: options.map(({ option }) => option), costs, least, ideal };
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
