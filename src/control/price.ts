import type { State } from "../cost/state.ts";
import type { Problem } from "../plan/problem.ts";
import { tiledCompute } from "../plan/tiles/work.ts";
import { layOut } from "../plan/tiles.ts";
import type { Choice, Choices } from "./choices.ts";
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
  const next = at(choice);
  const loaded = warm.map((other) => at(other));
  const had = held ?? problem.devices.map(() => new Set<number>());
  const found = findPreparation(problem, world, had, loaded, next, options);
  const preparation = {
    wireSeconds: delay * found.wireSeconds + (options.warmSeconds ?? 0.05),
    loadSeconds: found.loadSeconds.map((seconds) => delay * seconds),
  };
  const [now, then] = [serving === null ? null : at(serving), next].map((one) =>
    requestSeconds(problem, world, one),
  );
  const works = problem.devices.map((_, device) => ({
    utilisation: utilisationOf(state.utilisation, device),
    requestSeconds: now?.[device] ?? 0,
    nextRequestSeconds: then?.[device] ?? 0,
  }));
  const each = (of: (seconds: number, work: Work) => number): number[] =>
    preparation.loadSeconds.map((seconds, device) => of(seconds, works[device] as Work));
  return {
    preparation,
    seconds: preparation.wireSeconds + Math.max(0, ...each(loadingSeconds)),
    delayedSeconds: each(delayedSeconds).reduce((sum, seconds) => sum + seconds, 0),
  };
}

/** What each device computes for one request. */
function requestSeconds(problem: Problem, { slowDown }: State, choice: Choice | null): number[] {
  if (choice === null) return problem.devices.map(() => 0);
  const { placement, tiles = [] } = choice;
  const stated = tiledCompute(problem, layOut(problem.index, placement, tiles));
  return stated.map((seconds, device) => seconds * (slowDown[device] as number));
}
