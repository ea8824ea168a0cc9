/**
 * What others do with the public throughput workloads, to compare with: no splitting, one linear order,
 * contraction to a chain, and moves from random starts.
 *
 * @module
 */
import type { Random } from "../base/random.ts";
import { biconnectedComponents } from "../graph/biconnected.ts";
import { joinUnits, refineChain } from "../plan/planners/stage-chain/coarsen.ts";
import { improveChain } from "../plan/planners/stage-chain/improve.ts";
import {
  chainSeconds,
  fitsIn,
  type Stage,
  type StageChain,
  type StageModel,
} from "../plan/planners/stage-chain/model.ts";
import { depthFirstOrder, randomOrder } from "../plan/planners/stage-chain/orders.ts";
import { minimiseAlong } from "../plan/planners/stage-chain.ts";

/** A chain of stages and its period; `null`: the method found none that memory allows. */
export type Baseline = { readonly chain: StageChain; readonly seconds: number } | null;

/** Everything on the one device that does it fastest. */
export function oneDevice(model: StageModel): Baseline {
  const units = [...model.predecessors.keys()];
  const chains = model.classes.flatMap((one, deviceClass): StageChain[] => {
    const isAble = units.every((unit) => Number.isFinite(one.seconds[unit]));
    return isAble && fitsIn(model, one, units) ? [[{ deviceClass, units }]] : [];
  });
  return bestOf(model, chains);
}

/** The best chain along one depth-first topological order. */
export function linearised(model: StageModel): Baseline {
  return along(model, [depthFirstOrder(model)]);
}

/**
 * As PipeDream does: joins every biconnected component of the undirected graph into one unit, so that
 * a chain with side branches is left, and cuts that along one order. A weak baseline where the whole network
 * is one component: then next to nothing can be cut.
 *
 * @see Narayanan et al., "PipeDream: generalized pipeline parallelism for DNN training", SOSP 2019
 */
export function contracted(model: StageModel): Baseline {
  const coarse = joinUnits(model, joinedComponents(model));
  const found = along(coarse.model, [depthFirstOrder(coarse.model)]);
  return found && bestOf(model, [refineChain(coarse, found.chain)]);
}

/** Moves of single units for as long as they help, from random cuts of random orders. */
export function movedAtRandom(model: StageModel, random: Random, starts: number): Baseline {
  const chains: StageChain[] = [];
  for (let start = 0; start < starts; start++) {
    const first = randomChain(model, random);
    if (first === null) continue;
    chains.push(first);
    for (const chain of improveChain(model, first, random)) if (chain !== null) chains.push(chain);
  }
  return bestOf(model, chains);
}

function along(model: StageModel, orders: readonly (readonly number[])[]): Baseline {
  const search = minimiseAlong(model, orders);
  for (;;) {
    const { done, value } = search.next();
    if (done !== true || value === null) continue;
    return value.chain === null ? null : { chain: value.chain, seconds: value.seconds };
  }
}

/** Each component but for the unit through which it is entered, which the one in front of it holds. */
function joinedComponents({ predecessors }: StageModel): number[][] {
  const holder = new Map<number, readonly number[]>();
  for (const component of biconnectedComponents(predecessors)) {
    const inside = new Set(component);
    for (const unit of component) {
      const isEntered = predecessors[unit]?.some((before) => inside.has(before)) === true;
      const known = holder.get(unit);
      if (isEntered && (known === undefined || known.length < component.length)) {
        holder.set(unit, component);
      }
    }
  }
  const groups = new Map<readonly number[], number[]>();
  for (const [unit, component] of holder) {
    groups.set(component, [...(groups.get(component) ?? []), unit]);
  }
  return [...groups.values()];
}

function randomChain(model: StageModel, random: Random): StageChain | null {
  const order = randomOrder(model, random);
  const devices = random.shuffle(
    model.classes.flatMap(({ count }, deviceClass) => Array<number>(count).fill(deviceClass)),
  );
  const borders = devices
    .slice(1)
    .map(() => random.integer(order.length + 1))
    .sort((a, b) => a - b);
  const chain = devices
    .map(
      (deviceClass, at): Stage => ({
        deviceClass,
        units: order.slice(borders[at - 1] ?? 0, borders[at] ?? order.length),
      }),
    )
    .filter(({ units }) => units.length > 0);
  return isAllowed(model, chain) ? chain : null;
}

function bestOf(model: StageModel, chains: readonly StageChain[]): Baseline {
  let best: Baseline = null;
  for (const chain of chains) {
    const seconds = chainSeconds(model, chain);
    if (best === null || seconds < best.seconds) best = { chain, seconds };
  }
  return best;
}

function isAllowed(model: StageModel, chain: StageChain): boolean {
  return chain.every(({ deviceClass, units }) => {
    const one = model.classes[deviceClass];
    if (one === undefined || units.some((unit) => !Number.isFinite(one.seconds[unit]))) {
      return false;
    }
    return fitsIn(model, one, units);
  });
}
