import type { Problem } from "../../problem.ts";

/** Rows and columns of a tensor at or for a device. */
export interface Shelf {
  readonly device: number;
  readonly from: number;
  readonly to: number;
  readonly left: number;
  readonly right: number;
}

/** What is shipped. */
export interface Goods {
  readonly tensor: number;
  readonly height: number;
  readonly width: number;
}

interface Load {
  readonly link: number;
  from: number;
  to: number;
  left: number;
  right: number;
  /** Who waits for it: a bit for each need. */
  waiting: number;
}

/** How long regions of tensors are on their way: what `findTiledHops` finds, for one tensor of one device. */
export class Shipping {
  readonly #problem: Problem;
  readonly #between = new Map<number, Map<number, number>>();

  constructor(problem: Problem) {
    this.#problem = problem;
  }

  /** How long a part of a tensor is on its way between two devices; `Infinity` where there is no route. */
  between(from: number, to: number, tensor: number, share: number): number {
    const { devices, hops } = this.#problem;
    const pair = (tensor * devices.length + from) * devices.length + to;
    const known = this.#between.get(pair) ?? new Map<number, number>();
    this.#between.set(pair, known);
    let seconds = known.get(share);
    if (seconds === undefined) {
      const route = hops.route(from, to, tensor, share);
      seconds =
        route?.reduce((sum, link) => sum + hops.hopSeconds(link, tensor, share), 0) ??
        Number.POSITIVE_INFINITY;
      known.set(share, seconds);
    }
    return seconds;
  }

  /**
   * Adds to what each need waits for. Over a link goes at once what all devices behind it need.
   *
   * @returns whether there are routes
   */
  send(
    { tensor, height, width }: Goods,
    home: Shelf,
    needs: readonly Shelf[],
    waits: Float64Array,
  ): boolean {
    const { hops } = this.#problem;
    const loads: Load[] = [];
    for (let need = 0; need < needs.length; need++) {
      const wanted = needs[need] as Shelf;
      if (wanted.device === home.device || isApart(wanted, home)) continue;
      const from = Math.max(wanted.from, home.from);
      const to = Math.min(wanted.to, home.to);
      const left = Math.max(wanted.left, home.left);
      const right = Math.min(wanted.right, home.right);
      const share = ((to - from) / height) * ((right - left) / width);
      const route = hops.route(home.device, wanted.device, tensor, share);
      if (route === null) return false;
      for (const link of route) addTo(loads, { link, from, to, left, right, waiting: 1 << need });
    }
    for (const { link, from, to, left, right, waiting } of loads) {
      const share = ((to - from) / height) * ((right - left) / width);
      const seconds = hops.hopSeconds(link, tensor, share);
      for (let need = 0; need < needs.length; need++) {
        if ((waiting >> need) & 1) waits[need] = (waits[need] as number) + seconds;
      }
    }
    return true;
  }
}

/** Whether two regions have nothing in common. */
function isApart(one: Shelf, other: Shelf): boolean {
  return (
    one.from >= other.to ||
    other.from >= one.to ||
    one.left >= other.right ||
    other.left >= one.right
  );
}

function addTo(loads: Load[], load: Load): void {
  const known = loads.find(({ link }) => link === load.link);
  if (known === undefined) {
    loads.push(load);
    return;
  }
  known.from = Math.min(known.from, load.from);
  known.to = Math.max(known.to, load.to);
  known.left = Math.min(known.left, load.left);
  known.right = Math.max(known.right, load.right);
  known.waiting |= load.waiting;
}
