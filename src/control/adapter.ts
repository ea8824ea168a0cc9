import type { State } from "../cost/state.ts";
import type { Topology } from "../cost/topology.ts";
import { placementOf, tilesOf } from "../plan/check.ts";
import { codecsOf, withCodecs } from "../plan/codecs.ts";
import { makePlan } from "../plan/make-plan.ts";
import type { Plan } from "../plan/plan.ts";
import type { Problem } from "../plan/problem.ts";
import { problemAt } from "../plan/problem-at.ts";
import type { Solve } from "../plan/solve.ts";
import { type Choice, type Choices, createChoices, evaluateChoice } from "./choices.ts";
import {
  abandoned,
  adopted,
  type ControlOptions,
  type ControlState,
  controlStep,
  type Decision,
  startControl,
} from "./control.ts";
import { type Estimate, type Estimates, noEstimates } from "./estimates.ts";
import { type Figures, observe } from "./observation.ts";

export interface AdapterOptions {
  /** In the topology's own state: what it states is what figures are compared with. */
  readonly problem: Problem;
  /** The same for fewer rows that go as one; left out: what is measured is of `problem`. */
  readonly problemFor?: (rows: number) => Problem;
  /** What may be served from the beginning, such as an envelope's placements. */
  readonly known?: readonly Choice[];
  /** Asked in the present state of the world for a plan; left out: what is known is all. */
  readonly solve?: Solve;
  readonly control?: ControlOptions;
  /** What adapters of other parts of the world have learnt. */
  readonly learnt?: Learnt;
}

/** What is known of devices and links, by name. */
export interface Learnt {
  readonly devices: ReadonlyMap<string, Estimate>;
  /** By `from\nto`. */
  readonly links: ReadonlyMap<string, Estimate>;
}

/** A decision, and the plan to go over to; `null`: the one that serves stays. */
export interface Advice {
  readonly decision: Decision;
  readonly plan: Plan | null;
}

/**
 * Advises whoever deploys plans: is told which plan serves and what was measured, and says when to go
 * over to which other one. It has no clock and does nothing by itself. One adapter knows one topology:
 * after a loss there is another one.
 */
export class Adapter {
  readonly #options: AdapterOptions;
  readonly #choices: Choices;
  #state: ControlState;
  #plan: Plan | null = null;
  /** By rows. */
  readonly #problems = new Map<number, Problem>();

  constructor(options: AdapterOptions) {
    const { problem, known = [], solve } = options;
    this.#options = options;
    this.#choices =
      solve === undefined
        ? createChoices(problem, known)
        : createChoices(problem, known, (changed) => {
            const answer = solve(changed);
            return "type" in answer ? null : choiceOf(problem, answer);
          });
    const fresh = startControl(this.#choices, null);
    this.#state = { ...fresh, estimates: recalled(problem.topology, options.learnt) };
  }

  /** For the adapter that comes after this one: also what those before have learnt of other parts. */
  get learnt(): Learnt {
    const { problem, learnt } = this.#options;
    const { topology } = problem;
    const { devices, links } = this.#state.estimates;
    const names = topology.devices.map(({ name }) => name);
    return {
      devices: new Map([...(learnt?.devices ?? []), ...named(names, devices)]),
      links: new Map([...(learnt?.links ?? []), ...named(topology.links.map(linkName), links)]),
    };
  }

  /**
   * A plan serves from now on, whether it was advised or not.
   *
   * @throws PLAN_INVALID if it does not fit the problem
   */
  serves(plan: Plan, now: number): void {
    const choice = this.#choices.add(choiceOf(this.#options.problem, plan));
    this.#plan = plan;
    if (choice !== null) this.#state = adopted(this.#choices, this.#state, choice, now);
  }

  /** What was advised could not be deployed. */
  failed(now: number): void {
    this.#state = abandoned(this.#state, now);
  }

  /** Takes in what was measured of the plan that serves. */
  heard(figures: Figures, now: number): Advice {
    const { problem, control } = this.#options;
    const plan = this.#plan ?? { stages: [] };
    const seen = observe(problem, plan, figures, (rows) => this.#problemOf(rows));
    const { state, decision } = controlStep(this.#choices, this.#state, seen, now, control);
    this.#state = state;
    if (decision.type === "stay") return { decision, plan: null };
    const choice = this.#choices.at(decision.to);
    return { decision, plan: planOfChoice(problem, choice, decision.world) };
  }

  #problemOf(rows: number): Problem {
    const { problem, problemFor } = this.#options;
    if (problemFor === undefined || rows === (this.#plan?.batch?.most ?? 1)) return problem;
    const known = this.#problems.get(rows) ?? problemFor(rows);
    this.#problems.set(rows, known);
    return known;
  }
}

function linkName({ from, to }: { readonly from: string; readonly to: string }): string {
  return `${from}\n${to}`;
}

function named(names: readonly string[], estimates: readonly Estimate[]): Map<string, Estimate> {
  return new Map(names.map((name, position) => [name, estimates[position] as Estimate]));
}

function recalled(topology: Topology, learnt: Learnt | undefined): Estimates {
  const none = noEstimates(topology);
  return {
    devices: none.devices.map(
      (nothing, device) => learnt?.devices.get(topology.devices[device]?.name ?? "") ?? nothing,
    ),
    links: none.links.map((nothing, position) => {
      const link = topology.links[position];
      return (link === undefined ? undefined : learnt?.links.get(linkName(link))) ?? nothing;
    }),
  };
}

/** What a plan serves. @throws PLAN_INVALID if it does not fit the problem */
export function choiceOf(problem: Problem, plan: Plan): Choice {
  const choice = { placement: placementOf(problem, plan), codecs: codecsOf(problem, plan) };
  const tiles = tilesOf(problem, plan);
  return tiles.length === 0 ? choice : { ...choice, tiles };
}

/** A choice as a plan, with what it costs in a state of the world. */
export function planOfChoice(problem: Problem, choice: Choice, world: State): Plan | null {
  const changed = problemAt(problem, world);
  const { placement, codecs, tiles } = choice;
  const evaluation = evaluateChoice(withCodecs(changed, codecs), choice);
  if (evaluation.type === "infeasible") return null;
  const { value } = evaluation;
  const incumbent = {
    ...{ placement, value, bound: null },
    ...(codecs === undefined ? {} : { codecs }),
    ...(tiles === undefined ? {} : { tiles }),
  };
  return makePlan(changed, incumbent, evaluation, {
    planner: "control",
    optimalAmong: null,
    seed: 1,
    decisionSeconds: 0,
  });
}
