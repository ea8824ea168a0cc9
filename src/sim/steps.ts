/**
 * What one request has done to it under a placement: steps, each on devices and wires that do one
 * thing at a time, and which of them wait for which.
 *
 * @module
 */
import type { Placement, Problem } from "../plan/problem.ts";
import { groupStages } from "../plan/stages.ts";
import type { TileStage } from "../plan/tiles.ts";
import { destinationsOf, homeOf } from "../plan/transfers.ts";
import { type Ends, type Step, StepList } from "./step-list.ts";
import { findTiledSteps } from "./tiled-steps.ts";

export type { Step } from "./step-list.ts";

/**
 * Finds the steps of a placement that `evaluate` calls feasible, each behind those that it waits for.
 *
 * The device of a stage computes it in one go once all tensors from elsewhere are there. Tensors that
 * one stage sends to the same devices over the same links are one message: each of its phases takes
 * as long as those of its tensors together, which is what the cost model counts. Messages to the
 * same devices over other links follow one another. On each link a message is sent by one device,
 * goes over the wire, waits for the link's latency and is received by the other; an exclusive device
 * is taken from the first of these phases to the last.
 *
 * O(nodes + uses of tensors · hops of a route) time.
 *
 * @param tiles stages that several devices run together, as `findTiledSteps` takes them. Default: none
 */
export function findSteps(
  problem: Problem,
  placement: Placement,
  wireOfLink: readonly number[],
  tiles: readonly TileStage[] = [],
): Step[] {
  if (tiles.length > 0) return findTiledSteps(problem, placement, tiles, wireOfLink);
  return new Builder(problem, placement, wireOfLink).build();
}

/** Tensors of one stage that go the same ways. */
interface Message {
  readonly destinations: readonly number[];
  /** To each destination. */
  readonly routes: readonly (readonly number[])[];
  readonly tensors: number[];
}

class Builder {
  readonly #problem: Problem;
  readonly #placement: Placement;
  readonly #steps: StepList;
  /** By tensor and device: when the tensor is there. */
  readonly #there = new Map<string, Ends>();

  constructor(problem: Problem, placement: Placement, wireOfLink: readonly number[]) {
    this.#problem = problem;
    this.#placement = placement;
    this.#steps = new StepList(problem, wireOfLink);
  }

  build(): Step[] {
    const { index } = this.#problem;
    const given = [...index.producer.keys()].filter((tensor) => index.producer[tensor] === null);
    this.#deliver(given, []);
    groupStages(index, this.#placement).forEach(({ device, nodes }, stage) => {
      const ends = this.#compute(stage, device, nodes);
      const made = nodes.flatMap((node) => index.nodeOutputs[node] ?? []);
      this.#deliver(made, ends);
    });
    return this.#steps.steps;
  }

  #compute(stage: number, device: number, nodes: readonly number[]): Ends {
    const { index, seconds } = this.#problem;
    const after = new Set<number>();
    let work = 0;
    for (const node of nodes) {
      work += seconds.get(device, node);
      for (const tensor of index.nodeInputs[node] ?? []) {
        // Absent: another node of this stage makes it.
        for (const end of this.#there.get(placeOf(tensor, device)) ?? []) after.add(end);
      }
    }
    return this.#steps.compute(stage, device, work, [...after]);
  }

  /** Tensors are there on their home, and go to where they are needed. */
  #deliver(tensors: readonly number[], made: Ends): void {
    const messages = new Map<string, Message>();
    for (const tensor of tensors) {
      const home = homeOf(this.#problem, this.#placement, tensor);
      this.#there.set(placeOf(tensor, home), made);
      const destinations = destinationsOf(this.#problem, this.#placement, tensor);
      const routes = destinations.map(
        (destination) => this.#problem.hops.route(home, destination, tensor) ?? [],
      );
      if (destinations.length === 0) continue;
      const key = JSON.stringify([destinations, routes]);
      const message = messages.get(key) ?? { destinations, routes, tensors: [] };
      message.tensors.push(tensor);
      messages.set(key, message);
    }
    const before = new Map<string, Ends>();
    for (const message of messages.values()) {
      const key = String(message.destinations);
      before.set(key, this.#send(message, before.get(key) ?? made));
    }
  }

  /** @returns when all of it has arrived */
  #send({ destinations, routes, tensors }: Message, ready: Ends): Ends {
    const sent = new Map<number, Ends>();
    destinations.forEach((destination, position) => {
      let here = ready;
      for (const link of routes[position] ?? []) {
        here = sent.get(link) ?? this.#steps.hop(tensors, link, here);
        sent.set(link, here);
      }
      for (const tensor of tensors) this.#there.set(placeOf(tensor, destination), here);
    });
    return [...new Set([...sent.values()].flat())];
  }
}

const placeOf = (tensor: number, device: number): string => `${tensor} ${device}`;
