import { messageOf } from "../base/errors.ts";
import type { Plan } from "../plan/plan.ts";
import type { Action, CoordinationEvent, CoordinationState, World } from "./coordination/state.ts";
import { servingOf } from "./coordination/world.ts";
import type { CoordinatorOptions } from "./coordinator-options.ts";
import { askPlanner, Fallbacks } from "./fallbacks.ts";
import type { BookedPlan, PlanBook } from "./plan-book.ts";
import { reducedTopology } from "./reduced-topology.ts";

export interface ReplanningOptions
  extends Pick<CoordinatorOptions, "clock" | "topology" | "replan" | "fallbacks" | "standby"> {
  readonly book: PlanBook;
  readonly state: () => CoordinationState;
  readonly dispatch: (event: CoordinationEvent) => void;
  /** What may be needed after a loss is known. */
  readonly onForeseen: (plans: readonly BookedPlan[]) => void;
  readonly signal: AbortSignal;
}

/** Asks planners: after a loss, and before there is one. */
export class Replanning {
  readonly #options: ReplanningOptions;
  readonly #fallbacks: Fallbacks | null;

  constructor(options: ReplanningOptions) {
    this.#options = options;
    this.#fallbacks = this.#planAhead();
    options.signal.addEventListener("abort", () => this.#fallbacks?.stop(), { once: true });
  }

  /** Asks for a plan for what is left; `planned` follows. */
  async plan(world: World): Promise<void> {
    const { replan, topology, book, dispatch, signal } = this.#options;
    const answer = await askPlanner(replan, reducedTopology(topology, world));
    if (signal.aborted) return;
    const none = { type: "planned", world, plan: null, shape: null } as const;
    if ("infeasible" in answer) {
      dispatch({ ...none, why: answer.infeasible });
      return;
    }
    try {
      const { number: plan, shape } = book.add(answer);
      dispatch({ type: "planned", world, plan, shape, why: null });
    } catch (error) {
      dispatch({ ...none, why: messageOf(error) });
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
      replan,
      losses: fallbacks,
      standby,
      onFallback: (generation, world, made) => {
        const { number: plan, shape } = book.add(made);
        dispatch({ type: "fallback", generation, fallback: { world, plan, shape } });
      },
      onStandby: (generation, plan) => this.#considerStandby(generation, plan),
      onDone: () => onForeseen(state().fallbacks.map(({ plan }) => book.get(plan))),
    });
  }

  /** Two generations are in the source's memory at once then. */
  #considerStandby(generation: number, plan: Plan): void {
    const { topology, book, state, dispatch } = this.#options;
    const { source, devices } = topology;
    const memory = devices.find(({ name }) => name === source)?.memoryBytes ?? null;
    const serving = servingOf(state());
    const served = serving === undefined ? null : book.get(serving.plan).plan;
    const needed = [plan, served].reduce(
      (sum, one) => sum + (one?.claimed.memoryBytes[source] ?? 0),
      0,
    );
    if (memory !== null && needed > memory) return;
    const { number, shape } = book.add(plan);
    dispatch({ type: "standbyPlanned", generation, plan: number, shape });
  }
}
