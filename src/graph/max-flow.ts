/**
 * Minimum cut on whole-number capacities, by pushing flow from vertex to vertex.
 *
 * @module
 */

/** A cut: its value and, for each vertex, whether it stands on the side of the sink. */
export interface Cut {
  readonly value: number;
  readonly onSinkSide: Uint8Array;
}

/**
 * A directed graph with capacities, built arc by arc and cut as often as capacities change.
 *
 * Capacities are whole numbers whose sum stays below 2^53: with fractions, residuals of 1e-17 count
 * as open, and the sides of the cut come out wrong although its value is right.
 */
export class FlowNetwork {
  readonly #vertices: number;
  readonly #heads: number[] = [];
  readonly #capacities: number[] = [];
  #preflow: Preflow | null = null;

  constructor(vertices: number) {
    this.#vertices = vertices;
  }

  /**
   * Adds an arc and one in the opposite direction.
   *
   * @returns its number, for `setCapacity`
   */
  arc(from: number, to: number, capacity: number, opposite = 0): number {
    this.#preflow = null;
    this.#heads.push(to, from);
    this.#capacities.push(capacity, opposite);
    return this.#heads.length / 2 - 1;
  }

  /** Gives an arc and its opposite other capacities for the next cut. */
  setCapacity(arc: number, capacity: number, opposite = 0): void {
    this.#capacities[2 * arc] = capacity;
    this.#capacities[2 * arc + 1] = opposite;
  }

  /**
   * The least cut between two vertices; among equal ones that with the fewest vertices on the side
   * of the sink. O(vertices³) time at worst, close to linear on the cuts of neural networks;
   * O(vertices + arcs) memory.
   *
   * @see Goldberg and Tarjan, "A new approach to the maximum-flow problem", J. ACM 35(4), 1988;
   * Cherkassky and Goldberg, "On implementing the push-relabel method", Algorithmica 19, 1997
   */
  minCut(source: number, sink: number): Cut {
    this.#preflow ??= new Preflow(this.#vertices, this.#heads);
    this.#preflow.run(this.#capacities, source, sink);
    return this.#preflow.cut();
  }
}

/**
 * A preflow with the labels that guide it. Arc i runs towards `heads[i]`, its opposite is i ^ 1. A
 * vertex whose label reaches the number of vertices has no way to the sink left: its excess may stay
 * where it is, since only the cut is wanted and not the flow.
 */
class Preflow {
  readonly #vertices: number;
  #source = 0;
  #sink = 0;
  readonly #heads: Int32Array;
  readonly #residual: Float64Array;
  /** The arcs out of vertex v are `arcs[first[v]]` to `arcs[first[v + 1] - 1]`. */
  readonly #first: Int32Array;
  readonly #arcs: Int32Array;
  readonly #next: Int32Array;
  readonly #label: Int32Array;
  readonly #excess: Float64Array;
  /** How many vertices have each label: when one runs out, those above are cut off. */
  readonly #population: Int32Array;
  readonly #queue: Int32Array;
  readonly #reached: Int32Array;
  #queued = 0;
  #head = 0;
  #relabels = 0;

  constructor(vertices: number, heads: readonly number[]) {
    this.#vertices = vertices;
    this.#heads = Int32Array.from(heads);
    this.#residual = new Float64Array(heads.length);
    this.#first = new Int32Array(vertices + 1);
    this.#arcs = new Int32Array(heads.length);
    this.#next = new Int32Array(vertices);
    this.#label = new Int32Array(vertices);
    this.#excess = new Float64Array(vertices);
    this.#population = new Int32Array(vertices + 1);
    this.#queue = new Int32Array(vertices);
    this.#reached = new Int32Array(vertices);
    this.#sortArcs();
  }

  run(capacities: readonly number[], source: number, sink: number): void {
    this.#residual.set(capacities);
    this.#excess.fill(0);
    this.#source = source;
    this.#sink = sink;
    this.#head = 0;
    this.#queued = 0;
    this.#excess[source] = Number.POSITIVE_INFINITY;
    for (let slot = this.#slot(source); slot < this.#slot(source + 1); slot++) {
      const arc = this.#arcs[slot] as number;
      this.#push(source, arc, this.#residual[arc] as number);
    }
    this.#relabelAll();
    while (this.#queued > 0) {
      const vertex = this.#queue[this.#head] as number;
      this.#head = (this.#head + 1) % this.#vertices;
      this.#queued--;
      this.#discharge(vertex);
      if (this.#relabels > this.#vertices) this.#relabelAll();
    }
  }

  /** The sides: whoever still reaches the sink stands on its side. */
  cut(): Cut {
    this.#relabelAll();
    const onSinkSide = new Uint8Array(this.#vertices);
    for (let vertex = 0; vertex < this.#vertices; vertex++) {
      if ((this.#label[vertex] as number) < this.#vertices) onSinkSide[vertex] = 1;
    }
    return { value: this.#excess[this.#sink] as number, onSinkSide };
  }

  #sortArcs(): void {
    const count = this.#heads.length;
    for (let arc = 0; arc < count; arc++) {
      const tail = this.#heads[arc ^ 1] as number;
      this.#first[tail + 1] = this.#slot(tail + 1) + 1;
    }
    for (let vertex = 0; vertex < this.#vertices; vertex++) {
      this.#first[vertex + 1] = this.#slot(vertex + 1) + this.#slot(vertex);
    }
    const free = this.#first.slice();
    for (let arc = 0; arc < count; arc++) {
      const tail = this.#heads[arc ^ 1] as number;
      const slot = free[tail] as number;
      this.#arcs[slot] = arc;
      free[tail] = slot + 1;
    }
  }

  #slot(vertex: number): number {
    return this.#first[vertex] as number;
  }

  #push(vertex: number, arc: number, amount: number): void {
    if (amount === 0) return;
    const head = this.#heads[arc] as number;
    this.#residual[arc] = (this.#residual[arc] as number) - amount;
    this.#residual[arc ^ 1] = (this.#residual[arc ^ 1] as number) + amount;
    this.#excess[vertex] = (this.#excess[vertex] as number) - amount;
    if (this.#excess[head] === 0 && head !== this.#sink && head !== this.#source) {
      this.#enqueue(head);
    }
    this.#excess[head] = (this.#excess[head] as number) + amount;
  }

  #enqueue(vertex: number): void {
    this.#queue[(this.#head + this.#queued) % this.#vertices] = vertex;
    this.#queued++;
  }

  /** Pushes a vertex's excess downhill, raising the vertex as needed, until none is left. */
  #discharge(vertex: number): void {
    while (
      (this.#excess[vertex] as number) > 0 &&
      (this.#label[vertex] as number) < this.#vertices
    ) {
      const slot = this.#next[vertex] as number;
      if (slot === this.#slot(vertex + 1)) {
        this.#raise(vertex);
        continue;
      }
      const arc = this.#arcs[slot] as number;
      const residual = this.#residual[arc] as number;
      const below = this.#label[this.#heads[arc] as number] as number;
      if (residual > 0 && this.#label[vertex] === below + 1) {
        this.#push(vertex, arc, Math.min(residual, this.#excess[vertex] as number));
      } else {
        this.#next[vertex] = slot + 1;
      }
    }
  }

  #raise(vertex: number): void {
    let lowest = this.#vertices;
    for (let slot = this.#slot(vertex); slot < this.#slot(vertex + 1); slot++) {
      const arc = this.#arcs[slot] as number;
      if (this.#residual[arc] === 0) continue;
      lowest = Math.min(lowest, (this.#label[this.#heads[arc] as number] as number) + 1);
    }
    const before = this.#label[vertex] as number;
    this.#setLabel(vertex, Math.min(lowest, this.#vertices));
    this.#next[vertex] = this.#slot(vertex);
    this.#relabels++;
    if (this.#population[before] === 0) this.#closeGap(before);
  }

  #setLabel(vertex: number, label: number): void {
    const before = this.#label[vertex] as number;
    this.#population[before] = (this.#population[before] as number) - 1;
    this.#population[label] = (this.#population[label] as number) + 1;
    this.#label[vertex] = label;
  }

  /** No vertex has this label any more, so that nothing above it reaches the sink. */
  #closeGap(gap: number): void {
    for (let vertex = 0; vertex < this.#vertices; vertex++) {
      const label = this.#label[vertex] as number;
      if (label > gap && label < this.#vertices) this.#setLabel(vertex, this.#vertices);
    }
  }

  /** Labels every vertex with its true distance to the sink over arcs that are open. */
  #relabelAll(): void {
    this.#relabels = 0;
    this.#label.fill(this.#vertices);
    this.#population.fill(0);
    this.#label[this.#sink] = 0;
    const reached = this.#reached;
    reached[0] = this.#sink;
    let count = 1;
    for (let position = 0; position < count; position++) {
      const vertex = reached[position] as number;
      for (let slot = this.#slot(vertex); slot < this.#slot(vertex + 1); slot++) {
        const arc = this.#arcs[slot] as number;
        const tail = this.#heads[arc] as number;
        if (this.#residual[arc ^ 1] === 0 || this.#label[tail] !== this.#vertices) continue;
        if (tail === this.#source) continue;
        this.#label[tail] = (this.#label[vertex] as number) + 1;
        reached[count++] = tail;
      }
    }
    for (let vertex = 0; vertex < this.#vertices; vertex++) {
      const label = this.#label[vertex] as number;
      this.#population[label] = (this.#population[label] as number) + 1;
      this.#next[vertex] = this.#slot(vertex);
    }
  }
}
