/**
 * Several models on the same devices and links: each is planned for what those before it leave at
 * their rates, in all orders where these are few. What that assumes: `docs/algorithms/several.md`.
 *
 * @module
 */
import { CodedError } from "../base/errors.ts";
import { formatQuantity } from "../base/units.ts";
import type { Profile } from "../cost/profile.ts";
import type { Topology } from "../cost/topology.ts";
import { type Joining, periodOfRequest, planBatches } from "./batch.ts";
import type { Infeasible } from "./feasibility.ts";
import type { Plan } from "./plan.ts";
import { createProblem, type Limits } from "./problem.ts";
import { beside } from "./problem-of-plan.ts";
import { forGraph } from "./reservation.ts";
import { checkSeveral } from "./several/check-several.ts";
import { type PlacedModel, reserve, type UsingModel, usingModel } from "./several/remaining.ts";
import { evaluateSeveral, type Together } from "./several/together.ts";
import type { Solve } from "./solve.ts";

/** A model that is to be placed. */
export interface ModelDemand {
  /** No other model's. */
  readonly name: string;
  readonly profile: Profile;
  /** How often it is asked, above 0. */
  readonly requestsPerSecond: number;
  /** It keeps them beside all others; `memoryBytes` holds for all models of a device together. */
  readonly limits?: Limits;
  /** Left out: each request goes by itself. */
  readonly joining?: Joining;
}

export interface SeveralPlans {
  readonly type: "placed";
  /** In the order of the demands; `plan.reserved` says which were placed before. */
  readonly models: readonly PlacedModel[];
  readonly together: Together;
  /** In which they were placed, by name. */
  readonly order: readonly string[];
  readonly tried: readonly TriedOrder[];
}

/** Models in an order, up to the first that found no place. */
export type TriedOrder = { readonly order: readonly string[] } & (
  | { readonly meanLatencySeconds: number }
  | { readonly reason: string }
);

/** Up to so many models are placed in every order. */
export const mostInAllOrders = 4;

/** The most that a model may take of what it finds of a device or link: queues grow without end at all of it. */
export const mostShare = 0.9;

/**
 * Places models so that each has the least latency in what those before it leave, and takes the order
 * in which all find a place and the mean latency of all requests beside one another is least. Up to
 * four models: all orders; more: by falling load, which is rate times the least seconds of each node.
 * Requests of a model are joined where it could not keep up with its rate otherwise.
 *
 * Solves at most two problems for each beginning of an order, 128 for four models; of a model whose
 * requests may be joined two for each number of them that was measured.
 *
 * @param topology `inputBytes` names inputs of any of the models
 * @param demands at least one
 * @returns `Infeasible`, with the model that found no place in the order that placed most
 * @throws TOPOLOGY_INVALID, PLAN_INVALID if a planner's claims do not hold, and as `createProblem`
 */
export function planSeveral(
  topology: Topology,
  demands: readonly ModelDemand[],
  solve: Solve,
): SeveralPlans | Infeasible {
  checkInputNames(topology, demands);
  const candidates = demands.length <= mostInAllOrders ? demands : byFallingLoad(topology, demands);
  const search = new Search(topology, solve, demands.length <= mostInAllOrders);
  search.place([], candidates);
  const { best, tried } = search;
  if (best === null) return search.failure(demands);
  const models = demands.map(({ name }) => best.models.find((model) => model.name === name));
  const inOrder = models.filter((model) => model !== undefined);
  const order = best.models.map(({ name }) => name);
  return {
    type: "placed",
    models: inOrder,
    together: checkSeveral(topology, inOrder),
    order,
    tried,
  };
}

type Placed = PlacedModel & UsingModel;

interface Failure {
  readonly placed: readonly Placed[];
  /** Who found no place; `null`: all found one, but do not run together. */
  readonly demand: ModelDemand | null;
  readonly answer: Infeasible;
}

class Search {
  best: { readonly models: readonly Placed[]; readonly meanLatencySeconds: number } | null = null;
  readonly tried: TriedOrder[] = [];
  readonly #topology: Topology;
  readonly #solve: Solve;
  readonly #inAllOrders: boolean;
  /** That of a model that finds no place alone; else that which placed most, and the first of these. */
  #failure: Failure | null = null;

  constructor(topology: Topology, solve: Solve, inAllOrders: boolean) {
    this.#topology = topology;
    this.#solve = solve;
    this.#inAllOrders = inAllOrders;
  }

  /** Orders that begin alike share what they begin with; who finds no place alone ends the search. */
  place(placed: readonly Placed[], open: readonly ModelDemand[]): void {
    if (open.length === 0) {
      this.#judge(placed);
      return;
    }
    for (const demand of this.#inAllOrders ? open : open.slice(0, 1)) {
      const answer = placeNext(this.#topology, placed, demand, this.#solve);
      if ("type" in answer) {
        this.#fail({ placed, demand, answer });
        if (placed.length === 0) return;
        continue;
      }
      const others = open.filter((other) => other !== demand);
      this.place([...placed, { ...answer, ...usingModel(this.#topology, answer) }], others);
    }
  }

  failure(demands: readonly ModelDemand[]): Infeasible {
    const { placed, demand, answer } = this.#failure as Failure;
    const names = placed.map(describe);
    const isAlone = placed.length === 0;
    const who =
      demand === null
        ? `${names.join(", ")} cannot run together`
        : `${describe(demand)} finds no place ${isAlone ? "even alone" : `beside ${names.join(", ")}`}`;
    const orders =
      demands.length === 1 || isAlone
        ? ""
        : `; ${this.tried.length} orders of the models were tried, none placed more`;
    return {
      type: "infeasible",
      reason: `${who}: ${answer.reason}${orders}`,
      witness: { ...(demand === null ? {} : { model: demand.name }), ...answer.witness },
      // Another placement of the others might have left more.
      ...(isAlone ? {} : { isProven: false }),
      ...(answer.isProven === false ? { isProven: false } : {}),
    };
  }

  #judge(models: readonly Placed[]): void {
    const order = models.map(({ name }) => name);
    const together = evaluateSeveral(this.#topology, models);
    if (together.type === "infeasible") {
      this.#fail({ placed: models, demand: null, answer: together });
      return;
    }
    const { meanLatencySeconds } = together;
    this.tried.push({ order, meanLatencySeconds });
    // Equal but for rounding: the first of them.
    if (this.best !== null && meanLatencySeconds >= this.best.meanLatencySeconds * equality) return;
    this.best = { models, meanLatencySeconds };
  }

  #fail(failure: Failure): void {
    const { placed, demand, answer } = failure;
    const order = [...placed, ...(demand === null ? [] : [demand])].map(({ name }) => name);
    this.tried.push({ order, reason: answer.reason });
    const isHopeless = placed.length === 0;
    if (isHopeless || placed.length > (this.#failure?.placed.length ?? -1)) this.#failure = failure;
  }
}

/** Means within this factor are equal. */
const equality = 1 - 1e-9;

/** The best plan for what others leave; where it takes too much of that, the best that does not. */
function placeNext(
  topology: Topology,
  placed: readonly UsingModel[],
  { name, profile, requestsPerSecond, limits = {}, joining }: ModelDemand,
  solve: Solve,
): PlacedModel | Infeasible {
  const reserved = reserve(topology, placed);
  const left = beside(topology, reserved, profile, limits);
  const objective = { type: "latency" } as const;
  const solveWithin = (within: Limits): Plan | Infeasible =>
    joining === undefined
      ? solve(createProblem(profile, left, objective, within))
      : planBatches({ profile, topology: left, objective, limits: within, ...joining }, solve);
  const periodSeconds = mostShare / requestsPerSecond;
  const fastest = solveWithin(limits);
  if ("type" in fastest) return fastest;
  const model = { name, profile, requestsPerSecond };
  if (periodOfRequest(fastest) <= periodSeconds) {
    return { ...model, plan: { ...fastest, reserved } };
  }
  const steady = solveWithin({ ...limits, periodSeconds });
  if (!("type" in steady)) return { ...model, plan: { ...steady, reserved } };
  const share = `${100 * mostShare} %`;
  const period = formatQuantity(periodSeconds, "s", 4);
  const reason = `${steady.reason} (a model may take ${share} of what it finds of a device or link: at ${requestsPerSecond} /s a period of ${period}); lower a rate, or add a device or a faster link`;
  return { ...steady, reason };
}

function describe({ name, requestsPerSecond }: Pick<ModelDemand, "name" | "requestsPerSecond">) {
  return `'${name}' at ${requestsPerSecond} /s`;
}

function byFallingLoad(topology: Topology, demands: readonly ModelDemand[]): ModelDemand[] {
  return demands
    .map((demand) => ({ demand, load: loadOf(topology, demand) }))
    .sort((a, b) => b.load - a.load)
    .map(({ demand }) => demand);
}

/** Rate times the seconds of all nodes, each on the device that runs it fastest. */
function loadOf(topology: Topology, { profile, requestsPerSecond }: ModelDemand): number {
  const own = forGraph(topology, profile.graph);
  const { seconds, devices } = createProblem(profile, own, { type: "latency" });
  const least = profile.graph.nodes.map((_, node) =>
    Math.min(...devices.map((_, device) => seconds.get(device, node))),
  );
  return requestsPerSecond * least.reduce((sum, value) => sum + value, 0);
}

function checkInputNames({ inputBytes }: Topology, demands: readonly ModelDemand[]): void {
  const known = new Set(demands.flatMap(({ profile }) => profile.graph.inputs));
  const unknown = Object.keys(inputBytes).find((name) => !known.has(name));
  if (unknown === undefined) return;
  throw new CodedError(
    "TOPOLOGY_INVALID",
    `inputBytes names '${unknown}', which is no input of any of the models (inputs: ${[...known].join(", ")})`,
  );
}
