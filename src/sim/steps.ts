/**
 * What one request has done to it under a placement: steps, each on devices and wires that do one
 * thing at a time, and which of them wait for which.
 *
 * @module
 */
import type { Placement, Problem } from "../plan/problem.ts";
import { groupStages } from "../plan/stages.ts";
import { destinationsOf, homeOf } from "../plan/transfers.ts";

/** A stage that is computed, or a phase of a hop. */
export interface Step {
  readonly type: "compute" | "send" | "wire" | "latency" | "receive";
  /** In the topology's own state. Above 0: what takes no time is no step. */
  readonly seconds: number;
  /** Of all phases of its hop, for which an exclusive device is taken; for a stage `seconds`. */
  readonly wholeSeconds: number;
  /** Servers that must be idle before it starts, and are busy from then on. */
  readonly takes: readonly number[];
  /** Servers that are idle when it has ended. */
  readonly frees: readonly number[];
  /** Steps of the same request that end before it starts. */
  readonly after: readonly number[];
  /** The stage that is computed, in the order of `groupStages`, and its device; −1 for a hop. */
  readonly stage: number;
  readonly device: number;
  /** What hops where; −1 for a stage. */
  readonly tensor: number;
  readonly link: number;
}

/**
 * Finds the steps of a placement that `evaluate` calls feasible, each behind those that it waits for.
 *
 * The device of a stage computes it in one go once all tensors from elsewhere are there. A hop is
 * sent by one device, goes over a wire, waits for the link's latency and is received by the other.
 * An exclusive device is taken from the first phase of a hop to its last. Tensors that one stage
 * sends to the same devices are one message: they follow one another, each when the one before has
 * arrived, which is what the latency of a plan counts.
 *
 * O(nodes + uses of tensors · hops of a route) time, apart from messages of many tensors to many
 * devices.
 */
export function findSteps(
  problem: Problem,
  placement: Placement,
  wireOfLink: readonly number[],
): Step[] {
  return new Builder(problem, placement, wireOfLink).build();
}

/** Steps whose ends something waits for; none: it is there when the request arrives. */
type Ends = readonly number[];

class Builder {
  readonly #problem: Problem;
  readonly #placement: Placement;
  readonly #steps: Step[] = [];
  /** By tensor and device: when the tensor is there. */
  readonly #there = new Map<string, Ends>();
  /** By sending stage and receiving devices: the end of the last tensor of the message. */
  readonly #messages = new Map<string, Ends>();
  readonly #wireOfLink: readonly number[];

  constructor(problem: Problem, placement: Placement, wireOfLink: readonly number[]) {
    this.#problem = problem;
    this.#placement = placement;
    this.#wireOfLink = wireOfLink;
  }

  build(): Step[] {
    const { index } = this.#problem;
    index.producer.forEach((producer, tensor) => {
      if (producer === null) this.#make(tensor, -1, []);
    });
    groupStages(index, this.#placement).forEach(({ device, nodes }, stage) => {
      const ends = this.#compute(stage, device, nodes);
      for (const node of nodes) {
        for (const tensor of index.nodeOutputs[node] ?? []) this.#make(tensor, stage, ends);
      }
    });
    return this.#steps;
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
    const own = { stage, device, tensor: -1, link: -1, takes: [device], frees: [device] };
    const times = { seconds: work, wholeSeconds: work };
    return this.#add({ type: "compute", ...times, ...own, after: [...after] });
  }

  /** A tensor is made on its home, and sent to where it is needed. */
  #make(tensor: number, stage: number, made: Ends): void {
    const home = homeOf(this.#problem, this.#placement, tensor);
    const destinations = destinationsOf(this.#problem, this.#placement, tensor);
    this.#there.set(placeOf(tensor, home), made);
    if (destinations.length === 0) return;
    const key = `${stage} ${destinations}`;
    const ready = unite([made, this.#messages.get(key) ?? []]);
    const sent = new Map<number, Ends>();
    for (const destination of destinations) {
      let here: Ends = ready;
      for (const link of this.#problem.hops.route(home, destination, tensor) ?? []) {
        here = sent.get(link) ?? this.#hop(tensor, link, here);
        sent.set(link, here);
      }
      this.#there.set(placeOf(tensor, destination), here);
    }
    this.#messages.set(key, unite([...sent.values()]));
  }

  #hop(tensor: number, link: number, ready: Ends): Ends {
    const { devices, hops } = this.#problem;
    const { from, to } = hops.links[link] as { from: number; to: number };
    const held = [from, to].filter((device) => devices[device]?.communication === "exclusive");
    const phases = [
      ["send", hops.sendSeconds(link, tensor), [from]],
      ["wire", hops.wireSeconds(link, tensor), [this.#wireOfLink[link] as number]],
      ["latency", hops.rates.latencySeconds(link), []],
      ["receive", hops.receiveSeconds(link, tensor), [to]],
    ] as const;
    const whole = {
      wholeSeconds: phases.reduce((sum, [, seconds]) => sum + seconds, 0),
      ...{ stage: -1, device: -1, tensor, link },
    };
    const lasting = phases.filter(([, seconds]) => seconds > 0);
    let after = ready;
    lasting.forEach(([type, seconds, servers], position) => {
      const own = servers.filter((server) => !held.includes(server));
      const takes = position === 0 ? [...held, ...own] : own;
      const frees = position === lasting.length - 1 ? [...held, ...own] : own;
      after = this.#add({ type, seconds, takes, frees, after, ...whole });
    });
    return after;
  }

  #add(step: Step): Ends {
    if (step.seconds === 0) return step.after;
    return [this.#steps.push(step) - 1];
  }
}

const placeOf = (tensor: number, device: number): string => `${tensor} ${device}`;

function unite(ends: readonly Ends[]): Ends {
  return [...new Set(ends.flat())];
}
