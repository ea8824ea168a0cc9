import { formatQuantity } from "../../../base/units.ts";
import type { Hops } from "../../../cost/hops.ts";
import { memoryBytes } from "../../../cost/memory.ts";
import { type Contraction, contract } from "../../../graph/contract.ts";
import { type Infeasible, infeasible } from "../../feasibility.ts";
import type { Problem } from "../../problem.ts";
import type { PiecesModel } from "./model.ts";

/** Below the sums of rounded numbers. */
const rounding = 1 - 1e-11;

/**
 * A period that no placement beats, whatever its stages are.
 *
 * Every node has to run somewhere, and all devices together are only so fast. Below a period some
 * tensors cannot travel at all, even on the link that suits them best: who makes and who reads them
 * then share a device, and with them whoever stands between. Such a set has to fit a device, by its
 * seconds and its memory. The least period at which all sets fit is found by bisection over the
 * tensors' best times: O(log tensors) contractions of the graph.
 *
 * @returns `Infinity` if no placement is allowed
 */
export function boundPeriod(problem: Problem): number {
  return Math.max(shareOut(problem), joinUp(problem)) * rounding;
}

/**
 * Whether every allowed pipeline is a chain of pieces: no piece can be divided, and so whatever
 * visits a device twice has it feed itself.
 */
export function isWholeClass({ problem, starts }: PiecesModel): boolean {
  const { unitOf } = contract(problem.index, [...problem.groups, [...problem.pinned]]);
  return starts
    .slice(1)
    .every((end, piece) => new Set(unitOf.slice(starts[piece], end)).size === 1);
}

/** The nodes, if there are any, that have to share a device and for which none has room. */
export function findHomeless(problem: Problem): Infeasible | null {
  const { devices, kinds, index } = problem;
  const { units } = contract(index, [...problem.groups, [...problem.pinned]]);
  for (const nodes of units) {
    const bytes = memoryBytes(index, nodes, 0);
    const lacking = devices.flatMap(({ name, memoryBytes: room }, device) => {
      const isAble = nodes.every((node) => Number.isFinite(problem.seconds.get(device, node)));
      const needed = bytes + (kinds[device]?.overheadBytes ?? 0);
      return isAble ? [{ name, needed, room: room ?? Number.POSITIVE_INFINITY }] : [];
    });
    if (lacking.length === 0 || lacking.some(({ needed, room }) => needed <= room)) continue;
    const { name, needed, room } = lacking.reduce((best, other) =>
      other.needed - other.room < best.needed - best.room ? other : best,
    );
    const node = index.graph.nodes[nodes[0] as number]?.name ?? "";
    const others = nodes.length > 1 ? ` with ${nodes.length - 1} that must be with it` : "";
    return infeasible(
      `no device has room for node '${node}'${others}: closest is '${name}', which would need ${formatQuantity(needed, "B", 4)} of ${formatQuantity(room, "B", 4)}`,
      { node, device: name, neededBytes: needed, memoryBytes: room },
    );
  }
  return null;
}

/** The longest node on its best device, and all work on all devices at once. */
function shareOut({ seconds, devices, index }: Problem): number {
  const paces = devices.map((_, device) => {
    const total = index.graph.nodes.reduce((sum, _, node) => {
      const own = seconds.get(device, node);
      return Number.isFinite(own) ? sum + own : sum;
    }, 0);
    return total > 0 ? 1 / total : 0;
  });
  const able = devices.map((_, device) =>
    index.graph.nodes.some((_, node) => Number.isFinite(seconds.get(device, node))),
  );
  const pace = paces.reduce((sum, value) => sum + value, 0);
  let longest = 0;
  let shared = 0;
  index.graph.nodes.forEach((_, node) => {
    let least = Number.POSITIVE_INFINITY;
    let weighed = Number.POSITIVE_INFINITY;
    devices.forEach((_, device) => {
      if (able[device] !== true) return;
      const own = seconds.get(device, node);
      least = Math.min(least, own);
      if (Number.isFinite(own)) weighed = Math.min(weighed, own * (paces[device] as number));
    });
    longest = Math.max(longest, least);
    shared += Number.isFinite(weighed) ? weighed : 0;
  });
  return Math.max(longest, pace > 0 ? shared / pace : 0);
}

function joinUp(problem: Problem): number {
  const travels = findTravels(problem);
  const times = [...new Set([0, ...travels.map(({ seconds }) => seconds)])].sort((a, b) => a - b);
  /** What the sets need that are joined below a time; from there on the next ones part. */
  const need = (position: number): number => {
    const time = times[position] as number;
    const joined = travels.filter(({ seconds }) => seconds > time).map(({ nodes }) => nodes);
    const groups = [...problem.groups, [...problem.pinned], ...joined];
    return longestSet(problem, contract(problem.index, groups));
  };
  let low = 0;
  let high = times.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (need(middle) < (times[middle + 1] as number)) high = middle;
    else low = middle + 1;
  }
  return Math.max(times[low] as number, need(low));
}

/** Who makes and who reads a tensor, and its time on the link that suits it best. */
interface Travel {
  readonly nodes: readonly number[];
  readonly seconds: number;
}

function findTravels(problem: Problem): Travel[] {
  const { index, hops } = problem;
  const names = index.graph.tensors.flatMap(({ codecs }) => Object.keys(codecs ?? {}));
  const variants = [null, ...new Set(names)].map((name) => hops.withCodecs(() => name));
  const best = new Map<number, number>();
  return index.producer.flatMap((producer, tensor) => {
    const readers = index.consumers[tensor] ?? [];
    if (producer === null || readers.length === 0) return [];
    const kind = hops.sampleOf(tensor);
    const seconds =
      best.get(kind) ?? Math.min(...variants.map((coded) => bestTime(problem, coded, tensor)));
    best.set(kind, seconds);
    return { nodes: [producer, ...readers], seconds };
  });
}

/** Whatever way a tensor takes, it takes some link. */
function bestTime({ devices }: Problem, hops: Hops, tensor: number): number {
  let best = Number.POSITIVE_INFINITY;
  hops.links.forEach(({ from, to }, link) => {
    const load = (device: number, overlapped: number): number =>
      devices[device]?.communication === "exclusive" ? hops.hopSeconds(link, tensor) : overlapped;
    const largest = Math.max(
      hops.wireSeconds(link, tensor),
      load(from, hops.sendSeconds(link, tensor)),
      load(to, hops.receiveSeconds(link, tensor)),
    );
    best = Math.min(best, largest);
  });
  return best;
}

/** The largest of the least loads of each set of nodes on a device that has room for it. */
function longestSet(problem: Problem, { units }: Contraction): number {
  let longest = 0;
  for (const nodes of units) {
    const bytes = memoryBytes(problem.index, nodes, 0);
    let least = Number.POSITIVE_INFINITY;
    problem.devices.forEach(({ memoryBytes: room }, device) => {
      const taken = bytes + (problem.kinds[device]?.overheadBytes ?? 0);
      if (room !== null && taken > room) return;
      let load = 0;
      for (const node of nodes) load += problem.seconds.get(device, node);
      least = Math.min(least, load);
    });
    longest = Math.max(longest, least);
  }
  return longest;
}
