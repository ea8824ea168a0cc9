import type { State } from "../cost/state.ts";
import type { Placement, Problem } from "../plan/problem.ts";
import type { Choices } from "./choices.ts";
import {
  delayedSeconds,
  findPreparation,
  type Holdings,
  loadingSeconds,
  type Preparation,
  type SwitchingOptions,
  type Work,
} from "./switching.ts";
import { type Utilisation, utilisationOf } from "./utilisation.ts";

export interface PriceOptions extends SwitchingOptions {
  /**
   * What every switch takes, also to a plan whose parts are still loaded.
   * @default 0.05
   */
  readonly warmSeconds?: number;
}

/** What prices depend on. */
interface Known {
  readonly serving: number | null;
  /** Choices whose parts are loaded. */
  readonly warm: readonly number[];
  readonly held: Holdings | null;
  readonly utilisation: Utilisation;
  /** Preparing takes so many times as long as it is computed to. */
  readonly delay: number;
}

/** What going over to a choice takes. */
export interface Price {
  readonly preparation: Preparation;
  /** Until it can serve. */
  readonly seconds: number;
  /** Delays of requests that come meanwhile, and of those that queue behind them, ÷ requests a second. */
  readonly delayedSeconds: number;
}

/** What going over to a choice takes in a state of the world. O(nodes · devices). */
export function priceOf(
  choices: Choices,
  state: Known,
  choice: number,
  world: State,
  options: PriceOptions,
): Price {
  const { at, problem } = choices;
  const { warm, held, delay, serving } = state;
  const { placement } = at(choice);
  const loaded = warm.map((other) => at(other).placement);
  const had = held ?? problem.devices.map(() => new Set<number>());
  const found = findPreparation(problem, world, had, loaded, placement, options);
  const preparation = {
    wireSeconds: delay * found.wireSeconds + (options.warmSeconds ?? 0.05),
    loadSeconds: found.loadSeconds.map((seconds) => delay * seconds),
  };
  const present = serving === null ? [] : at(serving).placement;
  const works = problem.devices.map((_, device) => ({
    utilisation: utilisationOf(state.utilisation, device),
    requestSeconds: requestSeconds(problem, world, present, device),
    nextRequestSeconds: requestSeconds(problem, world, placement, device),
  }));
  const each = (of: (seconds: number, work: Work) => number): number[] =>
    preparation.loadSeconds.map((seconds, device) => of(seconds, works[device] as Work));
  return {
    preparation,
    seconds: preparation.wireSeconds + Math.max(0, ...each(loadingSeconds)),
    delayedSeconds: each(delayedSeconds).reduce((sum, seconds) => sum + seconds, 0),
  };
}

/** What a device computes for one request. */
function requestSeconds(
  { seconds }: Problem,
  { slowDown }: State,
  placement: Placement,
  device: number,
): number {
  const stated = placement.reduce(
    (sum, on, node) => (on === device ? sum + seconds.get(device, node) : sum),
    0,
  );
  return stated * (slowDown[device] as number);
}
