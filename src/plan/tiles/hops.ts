import { shareOfTensor, wholeRegion } from "../../graph/tile.ts";
import { commonRegion, type Region, regionSize, spanRegion } from "../../graph/window.ts";
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
 * has a region of a tensor sends every other device what it needs of it, on the best route for so many
 * bytes. What it sends over a link goes at once: the smallest region that holds all that is needed
 * behind the link. O(uses of tensors · members² · hops of a route) time.
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

/** A device with a region of a tensor. */
interface Home {
  readonly device: number;
  readonly region: Region;
}

/** A device that wants a region of a tensor, and the first tile-parallel stage for which it does. */
interface Need extends Home {
  readonly stage: number | null;
}

function homesOf(problem: Problem, { placement, stages, stageOf }: Layout, tensor: number): Home[] {
  const producer = problem.index.producer[tensor] ?? null;
  const stage = producer === null ? undefined : stages[stageOf[producer] ?? -1];
  if (stage === undefined) {
    return [
      { device: homeOf(problem, placement, tensor), region: wholeRegion(problem.index, tensor) },
    ];
  }
  const homes: Home[] = [];
  for (const { device, tile } of stage.members) {
    addHome(homes, { device, region: tile.tensors.get(tensor) as Region });
  }
  return homes;
}

/** Tiles of one device count as one where they are one region together. */
function addHome(homes: Home[], { device, region }: Home): void {
  const known = homes.findIndex(
    (home) => home.device === device && isOneRegion(home.region, region),
  );
  if (known < 0) homes.push({ device, region });
  else homes[known] = { device, region: spanRegion((homes[known] as Home).region, region) };
}

function isOneRegion(a: Region, b: Region): boolean {
  const both = regionSize(a) + regionSize(b) - regionSize(commonRegion(a, b));
  return regionSize(spanRegion(a, b)) === both;
}

/** What devices need of a tensor, ascending by device; inside a stage nothing travels. */
function needsOf(problem: Problem, layout: Layout, tensor: number): Need[] {
  const { index } = problem;
  const needs = new Map<number, Need>();
  const add = (device: number, region: Region, stage: number | null): void => {
    if (regionSize(region) === 0) return;
    const known = needs.get(device);
    const first = Math.min(
      known?.stage ?? Number.POSITIVE_INFINITY,
      stage ?? Number.POSITIVE_INFINITY,
    );
    needs.set(device, {
      device,
      region: known === undefined ? region : spanRegion(known.region, region),
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
      add(layout.placement[node] as number, wholeRegion(index, tensor), null);
      continue;
    }
    for (const { device, tile } of layout.stages[stage]?.members ?? []) {
      add(device, tile.tensors.get(tensor) as Region, stage);
    }
  }
  if (problem.sink !== null && index.outputs.includes(tensor)) {
    add(problem.sink, wholeRegion(index, tensor), null);
  }
  return [...needs.values()].sort((a, b) => a.device - b.device);
}

interface Shipment {
  region: Region;
  readonly needs: Need[];
}

function hopsFrom(
  problem: Problem,
  tensor: number,
  home: Home,
  needs: readonly Need[],
): AwaitedHop[] | NoRoute {
  const shipments = new Map<number, Shipment>();
  for (const need of needs) {
    const region = commonRegion(need.region, home.region);
    if (need.device === home.device || regionSize(region) === 0) continue;
    const share = shareOfTensor(problem.index, tensor, region);
    const route = problem.hops.route(home.device, need.device, tensor, share);
    if (route === null) return { tensor, from: home.device, to: need.device };
    for (const link of route) {
      const known = shipments.get(link) ?? { region, needs: [] };
      known.region = spanRegion(known.region, region);
      known.needs.push(need);
      shipments.set(link, known);
    }
  }
  return [...shipments].map(([link, { region, needs: behind }]) => {
    const stages = behind.flatMap(({ stage }) => stage ?? []);
    const stage = stages.length === 0 ? null : Math.min(...stages);
    return {
      hop: hopOf(problem, tensor, link, region),
      stage,
      members: stage === null ? [] : devicesOf(behind, stage),
    };
  });
}

function hopOf({ index }: Problem, tensor: number, link: number, region: Region): Hop {
  const share = shareOfTensor(index, tensor, region);
  return share === 1 ? { tensor, link } : { tensor, link, region, share };
}

function devicesOf(needs: readonly Need[], stage: number): number[] {
  return needs.filter((need) => need.stage === stage).map(({ device }) => device);
}
