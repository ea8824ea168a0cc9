import type { Hops } from "../../../cost/hops.ts";
import type { Problem } from "../../problem.ts";
import type { Hop } from "../../transfers.ts";
import { type Choices, type CodecTable, keyOf, type Option, type Settled } from "./table.ts";

/**
 * A problem in which no placement costs more than with the codecs of any plan below some period: each
 * figure of a hop is the least over its codecs, each for itself. Codecs that are settled are the only
 * ones of their hops, and a codec with which the hop alone takes as long as the period is none.
 */
export class CodecRelaxation {
  readonly problem: Problem;
  readonly #table: CodecTable;
  readonly #settled: Settled;
  readonly #periodSeconds: number;
  readonly #known = new Map<string, Choices>();

  /** @param periodSeconds only plans below it matter */
  constructor(problem: Problem, table: CodecTable, settled: Settled, periodSeconds: number) {
    this.#table = table;
    this.#settled = settled;
    this.#periodSeconds = periodSeconds;
    this.problem = this.#relax(problem);
  }

  choices({ link, tensor }: Hop): Choices {
    const key = keyOf(link, tensor);
    const known = this.#known.get(key) ?? this.#choose(link, tensor, key);
    this.#known.set(key, known);
    return known;
  }

  /** The hop whose least cost differs most from that of any of its codecs; `null`: none differs. */
  loosest(hops: readonly Hop[]): Hop | null {
    let most: { readonly hop: Hop; readonly excess: number } | null = null;
    for (const hop of hops) {
      const { costs, least, ideal } = this.choices(hop);
      if (ideal !== undefined) continue;
      const excesses = costs.map(
        ({ wire, send, receive }) =>
          wire - least.wire + send - least.send + receive - least.receive,
      );
      const excess = Math.min(...excesses);
      if (most === null || excess > most.excess) most = { hop, excess };
    }
    return most?.hop ?? null;
  }

  #choose(link: number, tensor: number, key: string): Choices {
    const own = this.#settled.get(key);
    if (own !== undefined) return this.#table.settle(link, tensor, own);
    return this.#table.below(link, this.#table.choices(link, tensor), this.#periodSeconds);
  }

  #relax(problem: Problem): Problem {
    const least = (link: number, tensor: number) => this.choices({ link, tensor }).least;
    const codec = (link: number, tensor: number): Option => {
      const { ideal } = this.choices({ link, tensor });
      return ideal === undefined ? problem.hops.codec(link, tensor) : ideal;
    };
    const hops: Hops = {
      ...problem.hops,
      ...this.#sortOut(problem),
      codec,
      bytes: (link, tensor) => least(link, tensor).bytes,
      wireSeconds: (link, tensor) => least(link, tensor).wire,
      sendSeconds: (link, tensor) => least(link, tensor).send,
      receiveSeconds: (link, tensor) => least(link, tensor).receive,
      hopSeconds: (link, tensor) => least(link, tensor).whole,
    };
    if (this.#settled.size === 0) return { ...problem, hops };
    // What is settled for one link is not for its like: devices of one kind are none any more.
    const kinds = problem.kinds.map((kind) => (kind === null ? null : { ...kind }));
    return { ...problem, hops, kinds };
  }

  /** Kinds of cargo, where a tensor with a codec that is settled is a kind of its own. */
  #sortOut({ hops, linkBytes }: Problem): Pick<Hops, "samples" | "sampleOf"> {
    if (this.#settled.size === 0) return hops;
    const apart = new Set([...this.#settled.keys()].map((key) => Number(key.split(" ")[1])));
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
}
