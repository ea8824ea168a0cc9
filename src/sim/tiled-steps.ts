import { shareOfNode, wholeRegion } from "../graph/tile.ts";
import { commonRegion, type Region, regionSize } from "../graph/window.ts";
import type { Placement, Problem } from "../plan/problem.ts";
import { groupStages, type StageNodes } from "../plan/stages.ts";
import { findTiledHops } from "../plan/tiles/hops.ts";
import { type Layout, layOut, type MemberStage, type TileStage } from "../plan/tiles.ts";
import { type Hop, homeOf } from "../plan/transfers.ts";
import { type Ends, type Step, StepList } from "./step-list.ts";

/**
 * Finds the steps of a placement with tile-parallel stages that `evaluate` calls feasible, each behind
 * those that it waits for: each tile is computed once all regions are there that it reads, and each hop
 * begins once all that it carries is where it begins.
 *
 * The hops of a tensor stand in the order of their routes, so that each begins where it is already.
 * O(nodes · members + hops² of a tensor) time.
 */
export function findTiledSteps(
  problem: Problem,
  placement: Placement,
  tiles: readonly TileStage[],
  wireOfLink: readonly number[],
): Step[] {
  return new Builder(problem, layOut(problem.index, placement, tiles), wireOfLink).build(tiles);
}

/** A region of a tensor on a device. */
interface Held {
  readonly device: number;
  readonly region: Region;
  readonly ends: Ends;
}

class Builder {
  readonly #problem: Problem;
  readonly #layout: Layout;
  readonly #steps: StepList;
  /** By tensor, what of it is where. */
  readonly #there = new Map<number, Held[]>();
  readonly #hops = new Map<number, Hop[]>();

  constructor(problem: Problem, layout: Layout, wireOfLink: readonly number[]) {
    this.#problem = problem;
    this.#layout = layout;
    this.#steps = new StepList(problem, wireOfLink);
    const found = findTiledHops(problem, layout);
    for (const { hop } of "to" in found ? [] : found) {
      this.#hops.set(hop.tensor, [...(this.#hops.get(hop.tensor) ?? []), hop]);
    }
  }

  build(tiles: readonly TileStage[]): Step[] {
    const { index } = this.#problem;
    for (const [tensor, producer] of index.producer.entries()) {
      if (producer !== null) continue;
      const device = homeOf(this.#problem, this.#layout.placement, tensor);
      this.#put(tensor, { device, region: wholeRegion(index, tensor), ends: [] });
      this.#deliver(tensor);
    }
    groupStages(index, this.#layout.placement, tiles).forEach((stage, position) => {
      this.#compute(stage, position);
      for (const node of stage.nodes) {
        for (const tensor of index.nodeOutputs[node] ?? []) this.#deliver(tensor);
      }
    });
    return this.#steps.steps;
  }

  #compute({ device, nodes }: StageNodes, position: number): void {
    const { index, seconds } = this.#problem;
    const shared = this.#layout.stages[this.#layout.stageOf[nodes[0] as number] ?? -1];
    if (shared === undefined) {
      const work = nodes.reduce((sum, node) => sum + seconds.get(device, node), 0);
      const all = (tensor: number): Region => wholeRegion(index, tensor);
      this.#run(nodes, device, all, (after) => this.#steps.compute(position, device, work, after));
      return;
    }
    shared.members.forEach((member) => {
      const work = shared.nodes.reduce((sum, node) => {
        const share = shareOfNode(index, node, member.tile.nodes.get(node) as Region);
        return sum + share * seconds.get(member.device, node);
      }, 0);
      const own = (tensor: number): Region => member.tile.tensors.get(tensor) as Region;
      this.#run(shared.nodes, member.device, own, (after) =>
        this.#steps.compute(position, member.device, work, after),
      );
    });
  }

  #run(
    nodes: MemberStage["nodes"],
    device: number,
    regionOf: (tensor: number) => Region,
    compute: (after: Ends) => Ends,
  ): void {
    const { nodeInputs, nodeOutputs } = this.#problem.index;
    const made = nodes.flatMap((node) => nodeOutputs[node] ?? []);
    const read = nodes.flatMap((node) => nodeInputs[node] ?? []);
    const fromElsewhere = [...new Set(read)].filter((tensor) => !made.includes(tensor));
    const after = fromElsewhere.flatMap((tensor) => this.#endsOf(tensor, device, regionOf(tensor)));
    const ends = compute([...new Set(after)]);
    for (const tensor of made) this.#put(tensor, { device, region: regionOf(tensor), ends });
  }

  #put(tensor: number, held: Held): void {
    const known = this.#there.get(tensor);
    if (known === undefined) this.#there.set(tensor, [held]);
    else known.push(held);
  }

  /** What makes a region of a tensor be there. */
  #endsOf(tensor: number, device: number, region: Region): number[] {
    const there = (this.#there.get(tensor) ?? []).filter(
      (held) => held.device === device && regionSize(commonRegion(held.region, region)) > 0,
    );
    return there.flatMap(({ ends }) => ends);
  }

  /** Sends a tensor on, from all that have some of it. What has the farther way to go comes later. */
  #deliver(tensor: number): void {
    const { index, hops } = this.#problem;
    for (const { link, region: own, share } of this.#hops.get(tensor) ?? []) {
      const { from, to } = hops.links[link] as { from: number; to: number };
      const region = own ?? wholeRegion(index, tensor);
      const after = [...new Set(this.#endsOf(tensor, from, region))];
      const ends = this.#steps.hop([tensor], link, after, share);
      this.#put(tensor, { device: to, region, ends });
    }
  }
}
