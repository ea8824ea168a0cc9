import { heightOf } from "../../graph/tile.ts";
import { commonRows, type Rows, rowCount, spanRows } from "../../graph/window.ts";
import type { Problem } from "../problem.ts";
import { type Layout, lastOf } from "../tiles.ts";
import { type Hop, homeOf, type NoRoute } from "../transfers.ts";

/** A hop and who waits for it. */
export interface AwaitedHop {
  readonly hop: Hop;
  /** The first tile-parallel stage with a member behind the hop; `null`: none. */
  readonly stage: number | null;
  /** The devices of the stage's members behind the hop. */
  readonly members: readonly number[];
}

/**
 * The hops of a placement with tile-parallel stages, in the order of the tensors. Each device that
 * has rows of a tensor sends every other device those that it needs, on the best route for so many
 * bytes. What it sends over a link goes at once: the fewest rows in one piece that hold all that is
 * needed behind the link. O(uses of tensors · members² · hops of a route) time.
 */
export function findTiledHops(problem: Problem, layout: Layout): readonly AwaitedHop[] | NoRoute {
  const found: AwaitedHop[] = [];
  for (let tensor = 0; tensor < problem.linkBytes.length; tensor++) {
    const needs = needsOf(problem, layout, tensor);
    if (needs.length === 0) continue;
    for (const home of homesOf(problem, layout, tensor)) {
      const hops = hopsFrom(problem, tensor, home, needs);
      if (!Array.isArray(hops)) return hops;
      found.push(...hops);
    }
  }
  return found;
}

/** A device with rows of a tensor. */
interface Home {
  readonly device: number;
  readonly rows: Rows;
}

/** A device that wants rows of a tensor, and the first tile-parallel stage for which it does. */
interface Need extends Home {
  readonly stage: number | null;
}

function homesOf(problem: Problem, { placement, stages, stageOf }: Layout, tensor: number): Home[] {
  const producer = problem.index.producer[tensor] ?? null;
  const stage = producer === null ? undefined : stages[stageOf[producer] ?? -1];
  if (stage === undefined) {
    return [{ device: homeOf(problem, placement, tensor), rows: whole(problem, tensor) }];
  }
  return stage.members.map(({ device, tile }) => ({
    device,
    rows: tile.tensors.get(tensor) as Rows,
  }));
}

/** What devices need of a tensor, ascending by device; inside a stage nothing travels. */
function needsOf(problem: Problem, layout: Layout, tensor: number): Need[] {
  const { index } = problem;
  const needs = new Map<number, Need>();
  const add = (device: number, rows: Rows, stage: number | null): void => {
    if (rowCount(rows) === 0) return;
    const known = needs.get(device);
    const first = Math.min(
      known?.stage ?? Number.POSITIVE_INFINITY,
      stage ?? Number.POSITIVE_INFINITY,
    );
    needs.set(device, {
      device,
      rows: known === undefined ? rows : spanRows(known.rows, rows),
      stage: first === Number.POSITIVE_INFINITY ? null : first,
    });
  };
  const producer = index.producer[tensor] ?? null;
  const inside = producer === null ? null : (layout.stageOf[producer] ?? null);
  if (inside !== null && producer !== lastOf(layout.stages[inside] as Layout["stages"][number])) {
    return [];
  }
  for (const node of index.consumers[tensor] ?? []) {
    const stage = layout.stageOf[node] ?? null;
    if (stage === null) {
      add(layout.placement[node] as number, whole(problem, tensor), null);
      continue;
    }
    for (const { device, tile } of layout.stages[stage]?.members ?? []) {
      add(device, tile.tensors.get(tensor) as Rows, stage);
    }
  }
  if (problem.sink !== null && index.outputs.includes(tensor)) {
    add(problem.sink, whole(problem, tensor), null);
  }
  return [...needs.values()].sort((a, b) => a.device - b.device);
}

interface Shipment {
  rows: Rows;
  readonly needs: Need[];
}

function hopsFrom(
  problem: Problem,
  tensor: number,
  home: Home,
  needs: readonly Need[],
): AwaitedHop[] | NoRoute {
  const height = heightOf(problem.index, tensor);
  const shipments = new Map<number, Shipment>();
  for (const need of needs) {
    const rows = commonRows(need.rows, home.rows);
    if (need.device === home.device || rowCount(rows) === 0) continue;
    const route = problem.hops.route(home.device, need.device, tensor, rowCount(rows) / height);
    if (route === null) return { tensor, from: home.device, to: need.device };
    for (const link of route) {
      const known = shipments.get(link) ?? { rows, needs: [] };
      known.rows = spanRows(known.rows, rows);
      known.needs.push(need);
      shipments.set(link, known);
    }
  }
  return [...shipments].map(([link, { rows, needs: behind }]) => {
    const stages = behind.flatMap(({ stage }) => stage ?? []);
    const stage = stages.length === 0 ? null : Math.min(...stages);
    return {
      hop: hopOf(tensor, link, rows, height),
      stage,
      members: stage === null ? [] : devicesOf(behind, stage),
    };
  });
}

function hopOf(tensor: number, link: number, rows: Rows, height: number): Hop {
  if (rowCount(rows) === height) return { tensor, link };
  return { tensor, link, piece: { ...rows, share: rowCount(rows) / height } };
}

function devicesOf(needs: readonly Need[], stage: number): number[] {
  return needs.filter((need) => need.stage === stage).map(({ device }) => device);
}

function whole({ index }: Problem, tensor: number): Rows {
  return { from: 0, to: heightOf(index, tensor) };
}
