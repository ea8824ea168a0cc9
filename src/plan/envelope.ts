/**
 * The cut envelope: every placement that is the best one in some state of a declared box of states,
 * found once; afterwards a decision is the least of a few dot products.
 *
 * @module
 */
import type { Clock } from "../base/clock.ts";
import { graphSha256 } from "../cost/graph-hash.ts";
import { checkBox, coordinateRange, type Parameter, writeParameter } from "./envelope/box.ts";
import type { Envelope, EnvelopePlacement } from "./envelope/file.ts";
import { createPointSolver, type PointSolver, type StateLine } from "./envelope/solver.ts";
import { simplePlacements } from "./envelope/start.ts";
import { Subdivision, type Vertex, valueAt } from "./envelope/subdivision.ts";
import { findOverfull, type Infeasible, infeasible, memoryOf } from "./feasibility.ts";
import { findLine, type Line } from "./line.ts";
import { additiveFactors, formatObjective } from "./objective.ts";
import type { Placement, Problem } from "./problem.ts";

/** How far the construction is. */
export interface EnvelopeStep {
  readonly solves: number;
  readonly placements: number;
  /** Proven: nowhere in the box does the best known placement cost more than 1 + this times the least cost. */
  readonly excess: number;
  /** What is known so far; `null` before the first placement. */
  envelope(): Envelope | null;
}

export interface EnvelopeRun {
  readonly clock: Clock;
  /** Seconds after which to stop with what is known; default: never. */
  readonly timeLimitSeconds?: number;
  /** Stop once the proven excess is not above this; default 0, which is reached up to rounding. */
  readonly targetExcess?: number;
  /** Cuts at most; default: as many as it takes. */
  readonly mostSolves?: number;
  readonly onStep?: (step: EnvelopeStep) => void;
}

/** Builds an envelope to its end or to a limit. */
export function runEnvelope(
  problem: Problem,
  box: readonly Parameter[],
  run: EnvelopeRun,
): Envelope | Infeasible {
  const deadline = run.clock.now() + (run.timeLimitSeconds ?? Number.POSITIVE_INFINITY);
  const steps = buildEnvelope(problem, box);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    run.onStep?.(step.value);
    const isEnough =
      step.value.excess <= (run.targetExcess ?? 0) ||
      step.value.solves >= (run.mostSolves ?? Number.POSITIVE_INFINITY) ||
      run.clock.now() >= deadline;
    const known = isEnough ? step.value.envelope() : null;
    if (known !== null) return known;
  }
}

/** Why a problem has no envelope; `null` if it has one. */
export function refuseEnvelope(problem: Problem): string | null {
  const { latencySeconds, periodSeconds, energyJoules } = problem.limits;
  if (additiveFactors(problem.objective) === null) {
    return "the throughput is no sum over nodes and hops; ask for latency, energy or a weighted sum";
  }
  if ([latencySeconds, periodSeconds, energyJoules].some((limit) => limit !== undefined)) {
    return "a limit of latency, period or energy is kept in some states of the box and broken in others; leave it out";
  }
  if (problem.limits.tiles === true) {
    return "it knows no stages that several devices run together; leave out the limit 'tiles'";
  }
  const line = findLine(problem);
  if (line === null) return "its devices form no line";
  const beside = problem.hops.links.find(
    (_, link) => !line.up.includes(link) && !line.down.includes(link),
  );
  if (beside === undefined) return null;
  const [from, to] = [beside.from, beside.to].map((device) => problem.devices[device]?.name);
  return `the link ${from} → ${to} stands beside the line of its devices, and whether it is worth anything depends on the state`;
}

/**
 * Finds the least cost over all placements as a function of the state, for an additive objective on
 * devices in a line: a concave function, in each state the least of finitely many lines.
 *
 * Keeps the lower envelope h of the lines known so far, divided into cells in which one line is the
 * least, and solves (one minimum cut) at the vertex of a cell where h may exceed the least cost g by
 * most; a better line found there is added. One parameter: the recursion of Eisner and Severance.
 *
 * Why vertices suffice: on a cell h is linear and g concave, so that (1 + ε)·g − h is concave; where
 * it is not negative at the vertices of a cell, it is negative nowhere in the cell. So the largest
 * (h − g) ÷ g over the box stands at a vertex, and when no vertex improves, h = g everywhere.
 * A vertex that was not solved yet lies on an edge between two older ones, where g is at least what
 * lies on the straight line between its values at their ends; and no term of a cost is negative, so
 * that g changes by no larger factor than a coordinate. So a proven excess is known at all times.
 *
 * @returns the envelope, its excess proven; or why there is none
 * @throws USAGE_INVALID if the box does not fit the topology
 * @see Eisner and Severance, "Mathematical techniques for efficient record segmentation in large
 * shared databases", J. ACM 23(4), 1976; Motzkin, Raiffa, Thompson and Thrall, "The double
 * description method", 1953
 */
export function* buildEnvelope(
  problem: Problem,
  box: readonly Parameter[],
): Generator<EnvelopeStep, Envelope | Infeasible> {
  checkBox(problem, box);
  const refusal = refuseEnvelope(problem);
  if (refusal !== null) return infeasible(`there is no envelope: ${refusal}`);
  const line = findLine(problem) as Line;
  const search = new Search(problem, box, line);
  search.start(line);
  for (;;) {
    const vertex = search.next();
    if (vertex === null) break;
    search.solve(vertex);
    yield search.step();
  }
  return search.envelope() ?? infeasible(search.reason());
}

/** Costs that differ by less than this, relatively, are equal. */
const tolerance = 1e-9;
/** Other ways to shake lines that are tried before one is left out. */
const mostShakings = 8;

class Search {
  readonly #problem: Problem;
  readonly #box: readonly Parameter[];
  readonly #solver: PointSolver;
  readonly #lines: StateLine[] = [];
  #subdivision: Subdivision;
  #solves = 0;
  #overfull = "";
  /** Of the shaking: the last that was tried, and that of a division that was sound. */
  #seed = 1;
  #sound = 1;

  constructor(problem: Problem, box: readonly Parameter[], line: Line) {
    this.#problem = problem;
    this.#box = box;
    this.#solver = createPointSolver(problem, line, box);
    this.#subdivision = this.#divide(1);
  }

  start(line: Line): void {
    const centre = this.#subdivision.centre();
    for (const placement of simplePlacements(this.#problem, line)) {
      const known = this.#solver.lineOf(placement, centre);
      if (known !== null && this.#fits(placement)) this.#add(known);
    }
  }

  next(): Vertex | null {
    const vertex = this.#subdivision.worst();
    return vertex === null || vertex.value <= vertex.floor * (1 + tolerance) ? null : vertex;
  }

  solve(vertex: Vertex): void {
    this.#solves++;
    const found = this.#solver.solve(vertex.at);
    const least = this.#leastAt(vertex);
    if (found === null) {
      this.#subdivision.settle(vertex, Number.POSITIVE_INFINITY, least);
      return;
    }
    const { line, bound } = found;
    this.#subdivision.settle(vertex, Math.min(bound, least), least);
    if (valueAt(line, vertex.at) >= least * (1 - tolerance)) return;
    if (this.#fits(line.placement)) this.#add(line);
  }

  /** In a wide box rounding may move a vertex off its lines, so that others cost less there. */
  #leastAt({ at, value }: Vertex): number {
    const least = this.#lines.reduce(
      (known, line) => Math.min(known, valueAt(line, at)),
      Number.POSITIVE_INFINITY,
    );
    return least < value * (1 - tolerance) ? least : value;
  }

  step(): EnvelopeStep {
    return {
      solves: this.#solves,
      placements: this.#lines.length,
      excess: this.#subdivision.excess(tolerance),
      envelope: () => this.envelope(),
    };
  }

  envelope(): Envelope | null {
    const used = this.#subdivision.linesInUse();
    if (used.length === 0) return null;
    const problem = this.#problem;
    return {
      format: "partita.envelope/1",
      objective: formatObjective(problem.objective),
      graphSha256: graphSha256(problem.profile.graph),
      devices: problem.devices.map(({ name }) => name),
      parameters: this.#box.map((parameter) => writeParameter(problem, parameter)),
      placements: used.map((position) => this.#write(this.#lines[position] as StateLine)),
      excess: this.#subdivision.excess(tolerance),
      solves: this.#solves,
    };
  }

  reason(): string {
    return this.#overfull === ""
      ? "no placement is allowed in any state"
      : `no placement was found that keeps the memory: ${this.#overfull}`;
  }

  #divide(seed: number, before?: Subdivision): Subdivision {
    const ranges = this.#box.map((parameter) => coordinateRange(this.#problem, parameter));
    return new Subdivision(ranges, seed, before);
  }

  /**
   * Rounding may leave the cells without sense; then the lines are shaken otherwise. In a box too
   * wide for that a line is left out, and the excess says what it was worth.
   */
  #add(line: StateLine): void {
    this.#lines.push(line);
    if (this.#subdivision.add(line)) return;
    const seeds = Array.from({ length: mostShakings }, (_, tried) => this.#seed + 1 + tried);
    if (seeds.some((seed) => this.#rebuild(seed))) return;
    this.#lines.pop();
    this.#rebuild(this.#sound);
  }

  /** Divides the box anew, by all lines; what was solved before stays known. */
  #rebuild(seed: number): boolean {
    this.#seed = seed;
    this.#subdivision = this.#divide(seed, this.#subdivision);
    const subdivision = this.#subdivision;
    const isSound = this.#lines.every((known) => subdivision.add(known));
    if (isSound) this.#sound = seed;
    return isSound;
  }

  #fits(placement: Placement): boolean {
    const overfull = findOverfull(this.#problem, memoryOf(this.#problem, placement));
    if (overfull !== null) this.#overfull = overfull.reason;
    return overfull === null;
  }

  #write({ placement, codecs, constant, slopes }: StateLine): EnvelopePlacement {
    const { graph } = this.#problem.profile;
    return {
      devices: [...placement],
      codecs: codecs.map(({ tensor, link, codec }) => ({
        tensor: graph.tensors[tensor]?.name ?? "",
        from: this.#nameOf(this.#problem.hops.links[link]?.from),
        to: this.#nameOf(this.#problem.hops.links[link]?.to),
        codec,
      })),
      constant,
      slopes: Array.from(slopes),
    };
  }

  #nameOf(device: number | undefined): string {
    return this.#problem.devices[device ?? -1]?.name ?? "";
  }
}
