import type { Problem } from "../../problem.ts";

/** Rows of a tensor at or for a device. */
export interface Shelf {
  readonly device: number;
  readonly from: number;
  readonly to: number;
}

/** What is shipped: rows of it with so great a part of the columns. */
export interface Goods {
  readonly tensor: number;
  readonly height: number;
  readonly columns: number;
}

interface Load {
  readonly link: number;
  from: number;
  to: number;
  /** Who waits for it: a bit for each need. */
  waiting: number;
}

/** How long rows of tensors are on their way: what `findTiledHops` finds, for one tensor of one device. */
export class Shipping {
  readonly #problem: Problem;

  constructor(problem: Problem) {
    this.#problem = problem;
  }

  /**
   * Adds to what each need waits for. Over a link goes at once what all devices behind it need.
   *
   * @returns whether there are routes
   */
  send(
    { tensor, height, columns }: Goods,
    home: Shelf,
    needs: readonly Shelf[],
    waits: Float64Array,
  ): boolean {
    const loads: Load[] = [];
    for (let need = 0; need < needs.length; need++) {
      const { device, from: wanted, to: end } = needs[need] as Shelf;
      const from = Math.max(wanted, home.from);
      const to = Math.min(end, home.to);
      if (device === home.device || from >= to) continue;
      const route = this.#problem.hops.route(
        home.device,
        device,
        tensor,
        ((to - from) / height) * columns,
      );
      if (route === null) return false;
      for (const link of route) addTo(loads, link, from, to, 1 << need);
    }
    for (const { link, from, to, waiting } of loads) {
      const seconds = this.#problem.hops.hopSeconds(link, tensor, ((to - from) / height) * columns);
      for (let need = 0; need < needs.length; need++) {
        if ((waiting >> need) & 1) waits[need] = (waits[need] as number) + seconds;
      }
    }
    return true;
  }
}

function addTo(loads: Load[], link: number, from: number, to: number, need: number): void {
  const known = loads.find((load) => load.link === link);
  if (known === undefined) {
    loads.push({ link, from, to, waiting: need });
    return;
  }
  known.from = Math.min(known.from, from);
  known.to = Math.max(known.to, to);
  known.waiting |= need;
}
