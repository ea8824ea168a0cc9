/**
 * Pipelines over ordered groups of devices, found by particle swarm.
 *
 * @module
 */
import { type Infeasible, infeasible } from "../feasibility.ts";
import type { Incumbent, Planner, Planning, Tools } from "../planner.ts";
import type { Problem } from "../problem.ts";
import { leaks } from "./exact-pieces.ts";
import { pipedge } from "./pipedge.ts";
import { groupModel } from "./pso/group-model.ts";
import { Judge } from "./pso/judge.ts";
import { neighboursOf } from "./pso/neighbours.ts";
import { decode, encode, type Partition } from "./pso/partitions.ts";
import { fly, type Swarm } from "./pso/swarm.ts";
import { trySingles } from "./single.ts";

const swarm: Swarm = { particles: 20, rounds: 40, isImproved: true };
/** Rounds without a new partition after which there are hardly any. */
const stalest = 2;

/**
 * Minimises the period over pipelines whose stages are groups of devices: which devices form which
 * stage by particle swarm, which pieces each stage runs by dynamic programming, how its devices share
 * the rows by bisection. Each candidate is worth what `evaluate` says.
 *
 * Groups share rows only where the problem's limits allow tiles; else each stage has one device and
 * the swarm looks for their order. It starts from one group of all, one device a stage in the given
 * order and by falling speed, and what `pipedge` finds, so that it loses to none of these. At most 840
 * partitions, each solved once in O(groups · pieces²) times; promises nothing else.
 *
 * @see Dai, Han, Li, Xu, Xing and Liu, "Joint optimization of device placement and model partitioning
 * for cooperative DNN inference in heterogeneous edge computing", IEEE TMC 24(1), 2025
 */
export const pso: Planner = {
  name: "pso",
  optimalAmong: null,
  refuses: (problem) => {
    const { type } = problem.objective;
    return type === "throughput"
      ? null
      : `it plans for throughput, not ${type}; 'exact' shares stages by tiles for that, too`;
  },
  plan: (problem, tools) => planBySwarm(problem, tools, swarm),
};

/** `pso` with a swarm of one's own. */
export function* planBySwarm(problem: Problem, tools: Tools, shape: Swarm): Planning {
  const seeds = new Seeds(problem);
  yield* seeds.find(tools);
  if (leaks(problem)) return seeds.best ?? seeds.refusal;
  const steps = groupModel(problem);
  let made = steps.next();
  for (; made.done !== true; made = steps.next()) yield seeds.best;
  const model = made.value;
  const { runners, seconds } = model.pieces;
  const alone = problem.limits.tiles !== true;
  const bySpeed = [...runners].sort(
    (a, b) => (seconds[a]?.at(-1) ?? 0) - (seconds[b]?.at(-1) ?? 0) || a - b,
  );
  const starts: Partition[] = [
    ...(alone ? [] : [[runners]]),
    runners.map((device) => [device]),
    bySpeed.map((device) => [device]),
    ...seeds.orders,
  ];
  const judge = new Judge(model);
  const search = new Search(judge, seeds);
  const flight = fly(
    runners.length,
    starts.map((start) => encode(start, runners)),
    { ...shape, isKnown: (position) => judge.isKnown(decode(position, runners, alone)) },
    tools.random,
  );
  let step = flight.next();
  for (let stale = 0; step.done !== true && stale < stalest * shape.particles; ) {
    const partition = decode(step.value, runners, alone);
    stale = shape.isImproved && judge.isKnown(partition) ? stale + 1 : 0;
    step = flight.next(yield* search.try(partition));
  }
  if (shape.isImproved) yield* search.polish(runners, alone);
  return seeds.best ?? explain(seeds.refusal, judge);
}

/** The best partition so far and its surroundings. */
class Search {
  readonly #judge: Judge;
  readonly #seeds: Seeds;
  #best: { readonly partition: Partition; readonly value: number } | null = null;

  constructor(judge: Judge, seeds: Seeds) {
    this.#judge = judge;
    this.#seeds = seeds;
  }

  /** What a partition is worth. */
  *try(partition: Partition): Generator<Incumbent | null, number> {
    const seeds = this.#seeds;
    const solving = this.#judge.judge(partition);
    let solved = solving.next();
    for (; solved.done !== true; solved = solving.next()) yield seeds.best;
    const { value, placement, tiles } = solved.value;
    if (value < (this.#best?.value ?? Number.POSITIVE_INFINITY)) this.#best = { partition, value };
    if (value < (seeds.best?.value ?? Number.POSITIVE_INFINITY)) {
      const method = "particle swarm over ordered groups of devices";
      const shared = tiles.length > 0 ? { tiles } : {};
      seeds.best = { placement, value, bound: null, ...shared, method };
    }
    yield seeds.best;
    return value;
  }

  /** Moves on to neighbours as long as one is better. */
  *polish(devices: readonly number[], alone: boolean): Generator<Incumbent | null, void> {
    for (let last = null; this.#best !== null && this.#best !== last; ) {
      last = this.#best;
      for (const neighbour of neighboursOf(last.partition, devices, alone)) {
        yield* this.try(neighbour);
      }
    }
  }
}

/** What other planners find, to start from. */
class Seeds {
  readonly #problem: Problem;
  best: Incumbent | null = null;
  refusal: Infeasible = infeasible("no pipeline of groups is allowed");
  /** The orders of devices in their pipelines. */
  readonly orders: Partition[] = [];

  constructor(problem: Problem) {
    this.#problem = problem;
  }

  *find(tools: Tools): Generator<Incumbent | null, void> {
    const single = yield* trySingles(this.#problem);
    if ("value" in single) this.#keep(single, "one device");
    else this.refusal = single;
    yield this.best;
    if (pipedge.refuses(this.#problem) !== null) return;
    for (const steps = pipedge.plan(this.#problem, tools); ; ) {
      const { done, value } = steps.next();
      if (value !== null && "value" in value) this.#keep(value, value.method);
      if (done === true) break;
      yield this.best;
    }
    if (this.best !== null) this.orders.push([...new Set(this.best.placement)].map((d) => [d]));
  }

  #keep({ placement, value }: Incumbent, method: string | undefined): void {
    if (value >= (this.best?.value ?? Number.POSITIVE_INFINITY)) return;
    this.best = { placement, value, bound: null, ...(method === undefined ? {} : { method }) };
  }
}

function explain(refusal: Infeasible, judge: Judge): Infeasible {
  const { reason, witness } = judge.refusal ?? refusal;
  const found = `none of ${judge.solved} orders and groups of devices that were tried gives an allowed pipeline, which is no proof that there is none; ${reason}`;
  return { ...infeasible(found, witness), isProven: false };
}
