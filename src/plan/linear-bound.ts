/**
 * An additive problem as a linear programme: its least objective is a bound, and with whole numbers
 * the optimum, but for the memory that tensors take.
 *
 * @module
 */
import type { Column, LinearProgram, Row } from "./linear-solver.ts";
import type { Placement } from "./problem.ts";
import { type CostTable, devicesIn, type SearchSpace, unitCost } from "./search-space.ts";

/** What the scale of a problem is in its programme. */
export const programUnit = 1000;

export interface PlacementProgram {
  readonly program: LinearProgram;
  /** The placement that gives every unit the device with the largest value. */
  round(values: readonly number[]): Placement;
}

/**
 * Builds the programme over
 *
 * - x(v, d): unit v stands on device d; Σ_d x(v, d) = 1
 * - p(u, w, a, b): u stands on a and w on b, for units u that feed w; Σ_b p = x(u, a), Σ_a p = x(w, b)
 * - z(τ, l): tensor τ takes link l; z(τ, l) ≥ Σ p(u, w, a, b) over the pairs whose route takes l, for
 *   every consumer w of τ
 *
 * with the costs of nodes on x, of hops on z, and a row for every capacity. A pair of units has one
 * p, whatever the tensors between them; where an end is certain, x of the other stands for p; the
 * hops of a tensor with one consumer are costs of p, without z. Devices outside a domain and pairs
 * without a route have no column.
 *
 * @param scale roughly the objective; in the programme it is `programUnit`, since solvers know
 * absolute tolerances only
 */
export function buildPlacementProgram(
  space: SearchSpace,
  scale: number,
  isInteger: boolean,
): PlacementProgram {
  const builder = new ProgramBuilder(space, scale / programUnit, isInteger);
  for (let tensor = 0; tensor < space.sinks.length; tensor++) builder.addTensor(tensor);
  const { placed } = builder;
  return {
    program: builder.finish(),
    round: (values) => {
      const chosen = placed.map((own) => {
        let best = 0;
        let most = Number.NEGATIVE_INFINITY;
        for (const [device, column] of own) {
          const value = values[column] as number;
          if (value <= most) continue;
          most = value;
          best = device;
        }
        return best;
      });
      return space.unitOf.map((at) => chosen[at] as number);
    },
  };
}

/** At most; exact but for pairs without a route. */
export function countColumns(space: SearchSpace): number {
  const { index } = space.problem;
  const size = (unit: number): number => devicesIn(space.domains[unit] as number).length;
  let columns = space.units.reduce((sum, _, unit) => sum + size(unit), 0);
  const pairs = new Set<string>();
  index.consumers.forEach((consumers, tensor) => {
    const producer = index.producer[tensor] ?? null;
    const made = producer === null ? null : (space.unitOf[producer] as number);
    if (consumers.length + (space.sinks[tensor] === 0 ? 0 : 1) > 1) columns += space.links;
    for (const consumer of consumers) {
      const unit = space.unitOf[consumer] as number;
      if (made === null || made === unit || pairs.has(`${made} ${unit}`)) continue;
      pairs.add(`${made} ${unit}`);
      columns += size(made) * size(unit);
    }
  });
  return columns;
}

/** Columns by the devices at both ends; an end that is certain has no part in the column's meaning. */
interface Pair {
  readonly home: number;
  readonly need: number;
  readonly column: number;
}

class ProgramBuilder {
  readonly #space: SearchSpace;
  readonly #unit: number;
  readonly #isInteger: boolean;
  readonly #columns: { cost: number; upper: number; isInteger: boolean }[] = [];
  readonly #rows: Row[] = [];
  /** Of each resource, how much of it each column uses. */
  readonly #uses: readonly Map<number, number>[];
  readonly #pairs = new Map<string, readonly Pair[]>();
  /** Of hops that no column decides, such as those of graph inputs to the sink. */
  readonly #fixed: number[];
  #fixedCost = 0;
  /** Device and column of each unit. */
  readonly placed: readonly (readonly (readonly [number, number])[])[];

  constructor(space: SearchSpace, unit: number, isInteger: boolean) {
    this.#space = space;
    this.#unit = unit;
    this.#isInteger = isInteger;
    this.#uses = space.resources.map(() => new Map());
    this.#fixed = space.resources.map(() => 0);
    this.placed = space.units.map((_, at) => {
      const own = devicesIn(space.domains[at] as number).map((device) => {
        const column = this.#column(isInteger);
        this.#charge(column, (table) => unitCost(space, table, at, device));
        return [device, column] as const;
      });
      this.#equal(
        own.map(([, column]) => column),
        own.map(() => 1),
        1,
      );
      return own;
    });
  }

  finish(): LinearProgram {
    this.#space.resources.forEach(({ capacity }, at) => {
      const used = [...(this.#uses[at] as Map<number, number>)].filter(([, use]) => use > 0);
      this.#rows.push({
        lower: Number.NEGATIVE_INFINITY,
        upper: capacity - (this.#fixed[at] as number),
        columns: used.map(([column]) => column),
        factors: used.map(([, use]) => use),
      });
    });
    const columns = this.#columns.map((column): Column => ({ ...column, lower: 0 }));
    // What is paid in any case is a column that is always 1.
    columns.push({ cost: this.#fixedCost, lower: 1, upper: 1, isInteger: false });
    return { columns, rows: this.#rows };
  }

  /** The hops of a tensor. */
  addTensor(tensor: number): void {
    const { problem, sinks, unitOf } = this.#space;
    const producer = problem.index.producer[tensor] ?? null;
    const made = producer === null ? null : (unitOf[producer] as number);
    const consumers = new Set(problem.index.consumers[tensor]?.map((node) => unitOf[node]));
    const needs: (readonly Pair[])[] = [...consumers].flatMap((unit) =>
      unit === undefined || unit === made ? [] : [this.#pairsOf(made, unit)],
    );
    const sink = sinks[tensor] as number;
    const need = 31 - Math.clz32(sink);
    const paid = made === null && sink !== 0 ? this.#payAlways(tensor, need) : [];
    if (made !== null && sink !== 0) {
      const own = this.placed[made] as readonly (readonly [number, number])[];
      needs.push(own.map(([home, column]) => ({ home, need, column })));
    }
    const links = needs.length === 1 ? null : new Map<number, number>();
    for (const pairs of needs) this.#send(tensor, pairs, links, paid);
  }

  /**
   * @param links the columns of links that several consumers share; `null`: there is one only
   * @param paid links that the tensor takes in any case
   */
  #send(
    tensor: number,
    pairs: readonly Pair[],
    links: Map<number, number> | null,
    paid: readonly number[],
  ): void {
    const taken = new Map<number, number[]>();
    for (const { home, need, column } of pairs) {
      const route = this.#space.delivery(tensor, home, (1 << need) & ~(1 << home));
      if (route === null || route.some((link) => this.#isBarred(tensor, link))) {
        (this.#columns[column] as { upper: number }).upper = 0;
        continue;
      }
      for (const link of route.filter((at) => !paid.includes(at))) {
        if (links === null) this.#chargeHop(column, tensor, link);
        else taken.set(link, [...(taken.get(link) ?? []), column]);
      }
    }
    for (const [link, columns] of taken) {
      const z = links?.get(link) ?? this.#column(false);
      if (links?.has(link) === false) {
        links.set(link, z);
        this.#chargeHop(z, tensor, link);
      }
      this.#rows.push({
        lower: 0,
        upper: Number.POSITIVE_INFINITY,
        columns: [z, ...columns],
        factors: [1, ...columns.map(() => -1)],
      });
    }
  }

  #payAlways(tensor: number, need: number): readonly number[] {
    const { problem, resources, objective, links } = this.#space;
    const home = problem.source;
    const route = this.#space.delivery(tensor, home, (1 << need) & ~(1 << home)) ?? [];
    for (const link of route) {
      if (this.#isBarred(tensor, link)) continue;
      this.#fixedCost += (objective.hop[tensor * links + link] as number) / this.#unit;
      resources.forEach(({ hop }, at) => {
        this.#fixed[at] = (this.#fixed[at] as number) + (hop[tensor * links + link] as number);
      });
    }
    return route;
  }

  #isBarred(tensor: number, link: number): boolean {
    const { objective, links } = this.#space;
    return objective.hop[tensor * links + link] === Number.POSITIVE_INFINITY;
  }

  /** What says where both a maker and a reader stand; a graph input is made at the source. */
  #pairsOf(made: number | null, unit: number): readonly Pair[] {
    const needs = this.placed[unit] as readonly (readonly [number, number])[];
    const source = this.#space.problem.source;
    if (made === null) return needs.map(([need, column]) => ({ home: source, need, column }));
    const homes = this.placed[made] as readonly (readonly [number, number])[];
    const [home] = homes;
    if (homes.length === 1 && home !== undefined) {
      return needs.map(([need, column]) => ({ home: home[0], need, column }));
    }
    const [need] = needs;
    if (needs.length === 1 && need !== undefined) {
      return homes.map(([at, column]) => ({ home: at, need: need[0], column }));
    }
    const key = `${made} ${unit}`;
    const known = this.#pairs.get(key);
    if (known !== undefined) return known;
    const pairs = homes.flatMap(([at]) =>
      needs.map(([to]) => ({ home: at, need: to, column: this.#column(false) })),
    );
    for (const [at, column] of homes) {
      this.#sum(
        pairs.filter(({ home: from }) => from === at),
        column,
      );
    }
    for (const [at, column] of needs) {
      this.#sum(
        pairs.filter(({ need: to }) => to === at),
        column,
      );
    }
    this.#pairs.set(key, pairs);
    return pairs;
  }

  #sum(pairs: readonly Pair[], column: number): void {
    this.#equal([...pairs.map((pair) => pair.column), column], [...pairs.map(() => 1), -1], 0);
  }

  #column(isInteger: boolean): number {
    this.#columns.push({ cost: 0, upper: 1, isInteger: isInteger && this.#isInteger });
    return this.#columns.length - 1;
  }

  #equal(columns: readonly number[], factors: readonly number[], value: number): void {
    this.#rows.push({ lower: value, upper: value, columns, factors });
  }

  #chargeHop(column: number, tensor: number, link: number): void {
    this.#charge(column, ({ hop }) => hop[tensor * this.#space.links + link] as number);
  }

  #charge(column: number, cost: (table: CostTable) => number): void {
    (this.#columns[column] as { cost: number }).cost += cost(this.#space.objective) / this.#unit;
    this.#space.resources.forEach((resource, at) => {
      const uses = this.#uses[at] as Map<number, number>;
      const use = cost(resource);
      if (use !== 0) uses.set(column, (uses.get(column) ?? 0) + use);
    });
  }
}
