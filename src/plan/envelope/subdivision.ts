import { createRandom, type Random } from "../../base/random.ts";

/** A cost as a linear function of the coordinates of a state; no term is negative. */
export interface Linear {
  readonly constant: number;
  readonly slopes: ArrayLike<number>;
}

/** A corner of a cell: where as many lines and sides of the box meet as there are dimensions and one more. */
export interface Vertex {
  readonly at: Float64Array;
  /** The least of the lines here. */
  value: number;
  /** Sides of the box (2 p and 2 p + 1 of parameter p) and lines, ascending. */
  readonly facets: readonly number[];
  /** No placement costs less here. */
  floor: number;
  isSolved: boolean;
}

/** By how much, relatively, lines are shaken so that no more facets than needed meet in a vertex. */
const shaking = 1e-12;

/**
 * A box divided into the cells in which one of several lines is the least: the vertices of the
 * polytope { (x, z): z ≤ every line at x, x in the box }, kept as lines are added.
 *
 * Lines are raised by up to 1e-12 of their least value in the box, each by another amount, so that
 * every vertex has exactly dimensions + 1 facets and every edge two ends. Time and memory are
 * proportional to the vertices that come and go.
 *
 * @see Motzkin, Raiffa, Thompson and Thrall, "The double description method", 1953
 */
export class Subdivision {
  readonly #least: Float64Array;
  readonly #most: Float64Array;
  readonly #random: Random;
  readonly #vertices = new Set<Vertex>();
  /** The ends of every edge, by its facets; an edge that leads down without end has one. */
  readonly #edges = new Map<string, Vertex[]>();
  /** States in which the least cost is known. */
  readonly #solved: Vertex[];
  #lines = 0;
  #tried = 0;

  /**
   * @param ranges of the coordinates, positive
   * @param before one of the same box, for what was solved there
   */
  constructor(ranges: readonly (readonly [number, number])[], seed: number, before?: Subdivision) {
    this.#solved = before === undefined ? [] : before.#solved;
    this.#least = Float64Array.from(ranges, ([least]) => least);
    this.#most = Float64Array.from(ranges, ([, most]) => most);
    this.#random = createRandom(seed);
  }

  centre(): Float64Array {
    return this.#least.map((least, position) => (least + (this.#most[position] as number)) / 2);
  }

  /** Adds a line; `false` if rounding spoilt the edges, so that the subdivision is of no more use. */
  add(line: Linear): boolean {
    const raise = shaking * (0.1 + this.#random.next()) * valueAt(line, this.#least);
    const raised = { constant: line.constant + raise, slopes: line.slopes };
    const facet = 2 * this.#least.length + this.#lines++;
    if (this.#lines === 1) return this.#addCorners(raised, facet);
    const removed = [...this.#vertices].filter(({ at, value }) => valueAt(raised, at) < value);
    const gone = new Set(removed);
    const added = removed.flatMap((vertex) => this.#cutEdges(vertex, gone, raised, facet));
    for (const vertex of removed) this.#remove(vertex);
    return added.every((vertex) => this.#insert(vertex));
  }

  /** Where the lines may exceed the least cost by most, among vertices that were not solved. */
  worst(): Vertex | null {
    let worst: Vertex | null = null;
    let most = 0;
    if (this.#lines === 0) return this.#bareCorner();
    for (const vertex of this.#vertices) {
      if (vertex.isSolved) continue;
      const ratio = ratioOf(vertex);
      if (worst !== null && ratio <= most) continue;
      worst = vertex;
      most = ratio;
    }
    return worst;
  }

  /**
   * Tells what no placement costs less than at a vertex; `Infinity`: there is no placement.
   *
   * @param value the least of the lines there, less than the vertex knows if rounding moved it
   */
  settle(vertex: Vertex, floor: number, value: number): void {
    vertex.isSolved = true;
    vertex.value = value;
    vertex.floor = Math.max(vertex.floor, floor);
    this.#solved.push(vertex);
    for (const other of this.#vertices) {
      if (!other.isSolved) other.floor = Math.max(other.floor, scaledFloor(vertex, other.at));
    }
  }

  /** The largest (lines − least cost) ÷ least cost that is not disproved; less than `rounding` is none. */
  excess(rounding: number): number {
    if (this.#lines === 0) return Number.POSITIVE_INFINITY;
    let most = 1;
    for (const vertex of this.#vertices) most = Math.max(most, ratioOf(vertex));
    return most <= 1 + rounding ? 0 : most - 1;
  }

  /** Positions of the lines that are the least somewhere, ascending. */
  linesInUse(): number[] {
    const sides = 2 * this.#least.length;
    const facets = [...this.#vertices].flatMap((vertex) => vertex.facets);
    return [...new Set(facets.filter((facet) => facet >= sides))]
      .sort((a, b) => a - b)
      .map((facet) => facet - sides);
  }

  /** Before the first line: corners, one after the other, until a line is found. */
  #bareCorner(): Vertex | null {
    if (this.#tried === 2 ** this.#least.length) return null;
    const at = this.#corner(this.#tried++);
    return { at, value: Number.POSITIVE_INFINITY, facets: [], floor: 0, isSolved: false };
  }

  #corner(corner: number): Float64Array {
    return this.#least.map((least, position) =>
      (corner >> position) & 1 ? (this.#most[position] as number) : least,
    );
  }

  #addCorners(line: Linear, facet: number): boolean {
    const dimensions = this.#least.length;
    for (let corner = 0; corner < 2 ** dimensions; corner++) {
      const sides = Array.from(
        this.#least,
        (_, position) => 2 * position + ((corner >> position) & 1),
      );
      const at = this.#corner(corner);
      const vertex = {
        at,
        value: valueAt(line, at),
        facets: [...sides, facet],
        floor: this.#scaledFloor(at),
        isSolved: false,
      };
      if (!this.#insert(vertex)) return false;
    }
    return true;
  }

  /** The vertices where a new line crosses the edges that lead from a vertex above it to ones below. */
  #cutEdges(vertex: Vertex, gone: ReadonlySet<Vertex>, line: Linear, facet: number): Vertex[] {
    return vertex.facets.flatMap((_, omitted) => {
      const edge = vertex.facets.filter((_, position) => position !== omitted);
      const other = this.#edges.get(edge.join())?.find((end) => end !== vertex);
      if (other === undefined) {
        const value = valueAt(line, vertex.at);
        return [{ ...vertex, value, facets: [...edge, facet] }];
      }
      if (gone.has(other)) return [];
      const below = valueAt(line, other.at) - other.value;
      const above = vertex.value - valueAt(line, vertex.at);
      const part = below / (below + above);
      const at = other.at.map(
        (from, position) => from + part * ((vertex.at[position] as number) - from),
      );
      // The least cost is concave: between two states it is at least what lies between its values.
      const floor = Math.max(
        other.floor + part * (vertex.floor - other.floor),
        this.#scaledFloor(at),
      );
      return [{ at, value: valueAt(line, at), facets: [...edge, facet], floor, isSolved: false }];
    });
  }

  #scaledFloor(at: Float64Array): number {
    let floor = 0;
    for (const solved of this.#solved) floor = Math.max(floor, scaledFloor(solved, at));
    return floor;
  }

  #insert(vertex: Vertex): boolean {
    this.#vertices.add(vertex);
    return vertex.facets.every((_, omitted) => {
      const key = vertex.facets.filter((_, position) => position !== omitted).join();
      const ends = this.#edges.get(key);
      if (ends === undefined) this.#edges.set(key, [vertex]);
      else ends.push(vertex);
      return ends === undefined || ends.length <= 2;
    });
  }

  #remove(vertex: Vertex): void {
    this.#vertices.delete(vertex);
    vertex.facets.forEach((_, omitted) => {
      const key = vertex.facets.filter((_, position) => position !== omitted).join();
      const ends = this.#edges.get(key)?.filter((end) => end !== vertex) ?? [];
      if (ends.length === 0) this.#edges.delete(key);
      else this.#edges.set(key, ends);
    });
  }
}

/** A line's cost in a state. */
export function valueAt({ constant, slopes }: Linear, at: ArrayLike<number>): number {
  let value = constant;
  for (let position = 0; position < at.length; position++) {
    value += (slopes[position] as number) * (at[position] as number);
  }
  return value;
}

/**
 * A cost has no negative term, so that it grows with every coordinate, and by no larger factor than
 * the coordinate that grows most: from a solved state to another it shrinks by no smaller factor.
 */
function scaledFloor(solved: Vertex, at: Float64Array): number {
  let factor = 1;
  for (let position = 0; position < at.length; position++) {
    factor = Math.min(factor, (at[position] as number) / (solved.at[position] as number));
  }
  return factor * solved.floor;
}

function ratioOf({ value, floor }: Vertex): number {
  if (value <= floor) return 1;
  return value / floor;
}
