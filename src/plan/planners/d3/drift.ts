import { Matrix } from "../../../base/matrix.ts";
import type { Problem } from "../../problem.ts";
import { type Board, homeOn } from "./board.ts";

/** What is measured while a plan runs. */
export interface Quantities {
  /** Shape [devices, nodes]; `Infinity` where a device cannot run a node. */
  readonly nodeSeconds: Matrix;
  /** Bits per second of each link. */
  readonly linkRates: readonly number[];
}

/** Factors of a reference value between which nothing happens. */
export interface Band {
  readonly low: number;
  readonly high: number;
}

/** As reconstructed: a fifth less or a quarter more, the same ratio both ways. */
export const usualBand: Band = { low: 0.8, high: 1.25 };

/** A quantity that left the band of its reference. */
export type Drift =
  | { readonly type: "node"; readonly device: number; readonly node: number }
  | { readonly type: "link"; readonly link: number; readonly isFaster: boolean };

/** The quantities that a problem states. */
export function quantitiesOf({ seconds, topology }: Problem): Quantities {
  const linkRates = topology.links.map((link) => link.bandwidthBitsPerSecond as number);
  return { nodeSeconds: seconds, linkRates };
}

/** The quantities outside the band of their references. O(devices · nodes + links) time. */
export function findDrift(reference: Quantities, measured: Quantities, band: Band): Drift[] {
  const drift: Drift[] = [];
  const { rows, columns } = reference.nodeSeconds;
  for (let device = 0; device < rows; device++) {
    for (let node = 0; node < columns; node++) {
      const before = reference.nodeSeconds.get(device, node);
      if (isOutside(band, before, measured.nodeSeconds.get(device, node))) {
        drift.push({ type: "node", device, node });
      }
    }
  }
  reference.linkRates.forEach((before, link) => {
    const now = measured.linkRates[link] as number;
    if (isOutside(band, before, now)) drift.push({ type: "link", link, isFaster: now > before });
  });
  return drift;
}

/** The references after a drift: what was measured where something left its band, else as before. */
export function followDrift(
  reference: Quantities,
  measured: Quantities,
  drift: readonly Drift[],
): Quantities {
  const { rows, columns } = reference.nodeSeconds;
  const nodeSeconds = new Matrix(rows, columns);
  for (let device = 0; device < rows; device++) {
    for (let node = 0; node < columns; node++) {
      nodeSeconds.set(device, node, reference.nodeSeconds.get(device, node));
    }
  }
  const linkRates = [...reference.linkRates];
  for (const each of drift) {
    if (each.type === "link") linkRates[each.link] = measured.linkRates[each.link] as number;
    else nodeSeconds.set(each.device, each.node, measured.nodeSeconds.get(each.device, each.node));
  }
  return { nodeSeconds, linkRates };
}

function isOutside({ low, high }: Band, reference: number, measured: number): boolean {
  return measured < low * reference || measured > high * reference;
}

/**
 * The nodes whose choice a drift may change. Of a node's own seconds: the node, its siblings and its
 * consumers. Of a link: the nodes that read over it, or from its one end at its other; if it got faster, also those that read from a
 * tier whose way to a later one leads over it.
 */
export function findDirty(
  board: Board,
  chosen: readonly number[],
  drift: readonly Drift[],
): Uint8Array {
  const { graph, problem } = board;
  const dirty = new Uint8Array(chosen.length);
  for (const each of drift) {
    if (each.type === "link") {
      markReaders(board, chosen, each.link, each.isFaster, dirty);
      continue;
    }
    dirty[each.node] = 1;
    for (const sibling of graph.siblings[each.node] ?? []) dirty[sibling] = 1;
    for (const next of problem.index.successors[each.node] ?? []) dirty[next] = 1;
  }
  return dirty;
}

function markReaders(
  board: Board,
  chosen: readonly number[],
  link: number,
  isFaster: boolean,
  dirty: Uint8Array,
): void {
  const { problem, tiers } = board;
  // A direct link that became slow may no longer be on the way that it was on.
  const ends = problem.topology.links[link];
  const isBetween = (from: number, to: number): boolean =>
    problem.devices[from]?.name === ends?.from && problem.devices[to]?.name === ends?.to;
  chosen.forEach((tier, node) => {
    const isConcerned = (problem.index.nodeInputs[node] ?? []).some((tensor) => {
      const home = homeOn(board, chosen, tensor);
      const wanted = isFaster ? tiers.devices : [tiers.devices[tier] as number];
      return wanted.some(
        (to) =>
          to !== home &&
          (isBetween(home, to) || problem.hops.route(home, to, tensor)?.includes(link) === true),
      );
    });
    if (isConcerned) dirty[node] = 1;
  });
}
