/**
 * Ideals of a DAG: sets of nodes closed under predecessors. Every way to run a graph in stages is a
 * chain of them.
 *
 * @module
 */

/** Ideals by position; the empty one is the first, and each stands behind one that it extends. */
export class Ideals {
  readonly #nodes: number;
  readonly #words: number;
  #bits: Uint32Array;
  #count = 0;
  #whole = -1;
  #sizes = new Int32Array(64);
  #parents = new Int32Array(64);
  #added = new Int32Array(64);
  #hashes = new Uint32Array(64);
  /** Positions plus one, by hash; 0: free. At most half full, a power of two. */
  #slots = new Int32Array(128);

  /** Holds the empty ideal only. */
  constructor(nodes: number) {
    this.#nodes = nodes;
    this.#words = Math.max(1, Math.ceil(nodes / 32));
    this.#bits = new Uint32Array(64 * this.#words);
    this.#append(-1, -1, 0);
  }

  get count(): number {
    return this.#count;
  }

  /** The position of the ideal of all nodes; -1 until it was found. */
  get whole(): number {
    return this.#whole;
  }

  size(ideal: number): number {
    return this.#sizes[ideal] as number;
  }

  /** An ideal with one node less. */
  parent(ideal: number): number {
    return this.#parents[ideal] as number;
  }

  /** The node that an ideal has and its parent lacks. */
  added(ideal: number): number {
    return this.#added[ideal] as number;
  }

  has(ideal: number, node: number): boolean {
    const word = this.#bits[ideal * this.#words + (node >>> 5)] as number;
    return ((word >>> (node & 31)) & 1) === 1;
  }

  isSubset(small: number, large: number): boolean {
    const bits = this.#bits;
    let a = small * this.#words;
    let b = large * this.#words;
    for (let word = 0; word < this.#words; word++, a++, b++) {
      if (((bits[a] as number) & ~(bits[b] as number)) !== 0) return false;
    }
    return true;
  }

  /** The position of `parent` with `node`, which it lacks; found or new. */
  extend(parent: number, node: number): number {
    const hash = ((this.#hashes[parent] as number) ^ scramble(node)) >>> 0;
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const known = (this.#slots[slot] as number) - 1;
      if (known < 0) return this.#append(parent, node, hash);
      if (this.#hashes[known] === hash && this.#equals(known, parent, node)) return known;
    }
  }

  #equals(ideal: number, parent: number, node: number): boolean {
    const bits = this.#bits;
    const a = ideal * this.#words;
    const b = parent * this.#words;
    for (let word = 0; word < this.#words; word++) {
      const extra = word === node >>> 5 ? 1 << (node & 31) : 0;
      if ((((bits[b + word] as number) | extra) ^ (bits[a + word] as number)) !== 0) return false;
    }
    return true;
  }

  #append(parent: number, node: number, hash: number): number {
    const ideal = this.#count++;
    if (ideal === this.#sizes.length) this.#grow();
    if (parent >= 0) {
      const start = ideal * this.#words;
      this.#bits.copyWithin(start, parent * this.#words, (parent + 1) * this.#words);
      (this.#bits[start + (node >>> 5)] as number) |= 1 << (node & 31);
    }
    const size = parent >= 0 ? (this.#sizes[parent] as number) + 1 : 0;
    if (size === this.#nodes) this.#whole = ideal;
    this.#sizes[ideal] = size;
    this.#parents[ideal] = parent;
    this.#added[ideal] = node;
    this.#hashes[ideal] = hash;
    this.#enter(ideal);
    return ideal;
  }

  #grow(): void {
    const length = 2 * this.#sizes.length;
    this.#bits = grown(this.#bits, length * this.#words);
    this.#sizes = grown(this.#sizes, length);
    this.#parents = grown(this.#parents, length);
    this.#added = grown(this.#added, length);
    this.#hashes = grown(this.#hashes, length);
    this.#slots = new Int32Array(2 * length);
    for (let ideal = 0; ideal < this.#count - 1; ideal++) this.#enter(ideal);
  }

  #enter(ideal: number): void {
    const mask = this.#slots.length - 1;
    let slot = (this.#hashes[ideal] as number) & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = ideal + 1;
  }
}

/** Ideals with every step from one to another that has one node more. */
export interface Lattice {
  readonly ideals: Ideals;
  /** Where the steps from each ideal begin; one more than ideals. */
  readonly starts: Int32Array;
  /** The node that each step adds. */
  readonly nodes: Int32Array;
  /** The ideal that each step leads to. */
  readonly targets: Int32Array;
}

/**
 * All ideals, the smaller ones first, with the steps between them. O(steps · nodes ÷ 32) time and
 * O(ideals · nodes ÷ 32 + steps) memory.
 *
 * @param predecessors of each node; nodes in any order without a cycle
 * @returns `null` if there are more than `most`
 */
export function enumerateLattice(
  predecessors: readonly (readonly number[])[],
  most: number,
): Lattice | null {
  const ideals = new Ideals(predecessors.length);
  const successors = successorsOf(predecessors);
  const steps = new Steps();
  const addable: (number[] | null)[] = [
    predecessors.flatMap((before, node) => (before.length === 0 ? [node] : [])),
  ];
  for (let ideal = 0; ideal < ideals.count; ideal++) {
    const ready = addable[ideal] as number[];
    addable[ideal] = null;
    steps.begin();
    for (const node of ready) {
      const known = ideals.count;
      const larger = ideals.extend(ideal, node);
      steps.add(node, larger);
      if (larger < known) continue;
      if (ideals.count > most) return null;
      const freed = (successors[node] as number[]).filter((successor) =>
        (predecessors[successor] as readonly number[]).every((before) =>
          ideals.has(larger, before),
        ),
      );
      addable.push(ready.filter((other) => other !== node).concat(freed));
    }
  }
  return { ideals, ...steps.end() };
}

/** All ideals, the smaller ones first, as `enumerateLattice` finds them. */
export function enumerateIdeals(
  predecessors: readonly (readonly number[])[],
  most: number,
): Ideals | null {
  return enumerateLattice(predecessors, most)?.ideals ?? null;
}

/** The ideals that topological orders pass through: n + 1 for one order. */
export function idealsAlong(orders: readonly (readonly number[])[]): Ideals {
  return latticeAlong(orders).ideals;
}

/**
 * The ideals that topological orders pass through, with the steps of the orders: whatever goes from
 * ideal to ideal may change from one order to another wherever they meet.
 */
export function latticeAlong(orders: readonly (readonly number[])[]): Lattice {
  const ideals = new Ideals(orders[0]?.length ?? 0);
  const next: Map<number, number>[] = [new Map()];
  for (const order of orders) {
    let ideal = 0;
    for (const node of order) {
      const larger = ideals.extend(ideal, node);
      if (larger === next.length) next.push(new Map());
      next[ideal]?.set(node, larger);
      ideal = larger;
    }
  }
  const steps = new Steps();
  for (const targets of next) {
    steps.begin();
    for (const [node, target] of targets) steps.add(node, target);
  }
  return { ideals, ...steps.end() };
}

/** Nodes that each node feeds. */
export function successorsOf(predecessors: readonly (readonly number[])[]): number[][] {
  const successors: number[][] = predecessors.map(() => []);
  predecessors.forEach((nodes, node) => {
    for (const before of nodes) successors[before]?.push(node);
  });
  return successors;
}

/** The steps of a lattice, ideal by ideal. */
class Steps {
  readonly #starts: number[] = [];
  #nodes = new Int32Array(64);
  #targets = new Int32Array(64);
  #count = 0;

  begin(): void {
    this.#starts.push(this.#count);
  }

  add(node: number, target: number): void {
    if (this.#count === this.#nodes.length) {
      this.#nodes = grown(this.#nodes, 2 * this.#count);
      this.#targets = grown(this.#targets, 2 * this.#count);
    }
    this.#nodes[this.#count] = node;
    this.#targets[this.#count] = target;
    this.#count++;
  }

  end(): Omit<Lattice, "ideals"> {
    return {
      starts: Int32Array.from([...this.#starts, this.#count]),
      nodes: this.#nodes.slice(0, this.#count),
      targets: this.#targets.slice(0, this.#count),
    };
  }
}

function grown<T extends Int32Array | Uint32Array>(array: T, length: number): T {
  const larger = (
    array instanceof Int32Array ? new Int32Array(length) : new Uint32Array(length)
  ) as T;
  larger.set(array);
  return larger;
}

/** A fixed number of 32 well-mixed bits for each node, so that exclusive or hashes sets. */
function scramble(node: number): number {
  let hash = Math.imul(node + 1, 0x9e3779b1);
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
