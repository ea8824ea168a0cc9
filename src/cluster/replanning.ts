import { seconds } from "../base/units.ts";
import type {
  Action,
  CoordinationEvent,
  CoordinationState,
  Pair,
  World,
} from "./coordination/state.ts";
import { servingOf } from "./coordination/world.ts";
import type { CoordinatorOptions } from "./coordinator-options.ts";
import { Fallbacks } from "./fallbacks.ts";
import type { BookedPlan, PlanBook } from "./plan-book.ts";
import { type NoPlan, planWithin } from "./plan-within.ts";

/** How often a planner that fails is asked after a loss, and the pause before it is asked again. */
const mostAttempts = 3;
const pauseSeconds = seconds(0.2);

export interface ReplanningOptions
  extends Pick<
    CoordinatorOptions,
    "clock" | "topology" | "replan" | "fallbacks" | "standby" | "takenBytes"
  > {
  readonly book: PlanBook;
  readonly state: () => CoordinationState;
  /** Devices whose channel leads through the coordinator. */
  readonly tunnelled: () => readonly Pair[];
  readonly dispatch: (event: CoordinationEvent) => void;
  /** What may be needed after a loss is known. */
  readonly onForeseen: (plans: readonly BookedPlan[]) => void;
  readonly signal: AbortSignal;
}

/** Asks planners: after a loss, and before there is one. */
export class Replanning {
  readonly #options: ReplanningOptions;
  readonly #fallbacks: Fallbacks | null;
  #asked = new AbortController();

  constructor(options: ReplanningOptions) {
    this.#options = options;
    this.#fallbacks = this.#planAhead();
    const stop = () => {
      this.#fallbacks?.stop();
      this.#asked.abort();
    };
    options.signal.addEventListener("abort", stop, { once: true });
  }

  /** Asks for a plan for what is left; `planned` follows, unless it is asked for another one before. */
  async plan(world: World): Promise<void> {
    const { dispatch } = this.#options;
    this.#asked.abort();
    this.#asked = new AbortController();
    const { signal } = this.#asked;
    const answer = await this.#insist(world, signal);
    if (signal.aborted) return;
    if ("infeasible" in answer) {
      dispatch({ type: "planned", world, plan: null, shape: null, why: answer.infeasible });
    } else {
      const { number: plan, shape } = answer;
      dispatch({ type: "planned", world, plan, shape, why: null });
    }
  }

  /** A planner whose thread has ended, for want of memory perhaps, is asked again. */
  async #insist(world: World, signal: AbortSignal): Promise<BookedPlan | NoPlan> {
    for (let attempt = 1; ; attempt++) {
      const answer = await planWithin(this.#options, world, signal);
      const hasFailed = "infeasible" in answer && answer.hasFailed === true;
      if (!hasFailed || attempt === mostAttempts || signal.aborted) return answer;
      await this.#options.clock.sleep(pauseSeconds, signal).catch(() => undefined);
    }
  }

  /** Plans for losses; what was begun for an earlier generation is given up. */
  foresee({ generation, world, shape }: Extract<Action, { type: "computeFallbacks" }>): void {
    this.#fallbacks?.start(generation, world, shape);
  }

  #planAhead(): Fallbacks | null {
    const { clock, topology, replan, fallbacks = true, standby = fallbacks } = this.#options;
    if (replan === undefined || !(fallbacks || standby)) return null;
    const { book, state, dispatch, onForeseen } = this.#options;
    return new Fallbacks({
      clock,
      topology,
      plan: (world, signal) => planWithin(this.#options, world, signal),
      losses: fallbacks,
      standby,
      onFallback: (generation, world, { number: plan, shape }) => {
        dispatch({ type: "fallback", generation, fallback: { world, plan, shape } });
      },
      onStandby: (generation, plan) => this.#considerStandby(generation, plan),
      onDone: () => onForeseen(state().fallbacks.map(({ plan }) => book.get(plan))),
    });
  }

  /** Two generations are in the source's memory at once then. */
  #considerStandby(generation: number, { number, plan, shape }: BookedPlan): void {
    const { topology, book, state, dispatch, takenBytes } = this.#options;
    const { source, devices } = topology;
    const memory = devices.find(({ name }) => name === source)?.memoryBytes ?? null;
    const serving = servingOf(state());
    const served = serving === undefined ? null : book.get(serving.plan).plan;
    const needed = [plan, served].reduce(
      (sum, one) => sum + (one?.claimed.memoryBytes[source] ?? 0),
      takenBytes?.(source) ?? 0,
    );
    if (memory !== null && needed > memory) return;
    dispatch({ type: "standbyPlanned", generation, plan: number, shape });
  }
}
