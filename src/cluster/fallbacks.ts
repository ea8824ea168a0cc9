/**
 * Plans for losses that have not happened: for each device and each link that is in use, and for the
 * source alone.
 *
 * @module
 */
import type { Clock } from "../base/clock.ts";
import { seconds } from "../base/units.ts";
import type { Topology } from "../cost/topology.ts";
import type { Pair, Shape, World } from "./coordination/state.ts";
import type { BookedPlan } from "./plan-book.ts";
import type { NoPlan } from "./plan-within.ts";
import { joiningDevices } from "./reduced-topology.ts";

/** Between two plans, so that whoever plans on the same thread leaves time for everything else. */
const pauseSeconds = seconds(0.05);

export interface FallbackOptions {
  readonly clock: Clock;
  readonly topology: Topology;
  readonly plan: (world: World, signal: AbortSignal) => Promise<BookedPlan | NoPlan>;
  /** Whether plans for single losses are wanted. */
  readonly losses: boolean;
  /** Whether a plan for the source alone is wanted. */
  readonly standby: boolean;
  readonly onFallback: (generation: number, world: World, plan: BookedPlan) => void;
  readonly onStandby: (generation: number, plan: BookedPlan) => void;
  /** All plans for a generation have been made. */
  readonly onDone: (generation: number) => void;
}

/** Computes fallbacks one after the other, always for the last generation that it was told. */
export class Fallbacks {
  readonly #options: FallbackOptions;
  #current = new AbortController();

  constructor(options: FallbackOptions) {
    this.#options = options;
  }

  start(generation: number, world: World, shape: Shape): void {
    this.stop();
    this.#current = new AbortController();
    void this.#compute(generation, world, shape, this.#current.signal);
  }

  stop(): void {
    this.#current.abort();
  }

  async #compute(
    generation: number,
    world: World,
    shape: Shape,
    signal: AbortSignal,
  ): Promise<void> {
    const { topology, losses, standby, onFallback, onStandby, onDone } = this.#options;
    const { source, sink } = topology;
    for (const lost of losses ? lossesOf(world, shape, source, sink) : []) {
      const plan = await this.#plan(lost, signal);
      if (signal.aborted) return;
      if (plan !== null) onFallback(generation, lost, plan);
    }
    if (standby && (sink === "anywhere" || sink === source)) {
      const others = joiningDevices(topology).filter((name) => name !== source);
      const plan = await this.#plan({ without: others, cut: [] }, signal);
      if (signal.aborted) return;
      if (plan !== null) onStandby(generation, plan);
    }
    onDone(generation);
  }

  async #plan(world: World, signal: AbortSignal): Promise<BookedPlan | null> {
    try {
      await this.#options.clock.sleep(pauseSeconds, signal);
    } catch {
      return null;
    }
    // If the planner fails, it is asked again when the loss has happened.
    const plan = await this.#options.plan(world, signal);
    return "infeasible" in plan ? null : plan;
  }
}

/** What is left after each single loss; one of a link to the source is one of the device behind it. */
function lossesOf(world: World, shape: Shape, source: string, sink: string): World[] {
  const devices = shape.devices.filter((device) => device !== source && device !== sink);
  const links = shape.pairs.filter(({ a, b }) => a !== source && b !== source);
  return [
    ...devices.map((device) => ({ ...world, without: [...world.without, device].sort() })),
    ...links.map((pair: Pair) => ({ ...world, cut: [...world.cut, pair] })),
  ];
}
