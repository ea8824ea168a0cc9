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
  readonly #sizes: number[] = [];
  readonly #parents: number[] = [];
  readonly #added: number[] = [];
  readonly #hashes: number[] = [];
  /** The last ideal found with a hash, and for each ideal the one found before it with its hash. */
  readonly #lastByHash = new Map<number, number>();
  readonly #before: number[] = [];

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
    let known = this.#lastByHash.get(hash) ?? -1;
    while (known >= 0 && !this.#equals(known, parent, node)) known = this.#before[known] as number;
    return known >= 0 ? known : this.#append(parent, node, hash);
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
    const start = ideal * this.#words;
    if (start + this.#words > this.#bits.length) {
      const grown = new Uint32Array(2 * this.#bits.length);
      grown.set(this.#bits);
      this.#bits = grown;
    }
    if (parent >= 0) {
      this.#bits.copyWithin(start, parent * this.#words, (parent + 1) * this.#words);
      (this.#bits[start + (node >>> 5)] as number) |= 1 << (node & 31);
    }
    const size = parent >= 0 ? (this.#sizes[parent] as number) + 1 : 0;
    if (size === this.#nodes) this.#whole = ideal;
    this.#sizes.push(size);
    this.#parents.push(parent);
    this.#added.push(node);
    this.#hashes.push(hash);
    this.#before.push(this.#lastByHash.get(hash) ?? -1);
    this.#lastByHash.set(hash, ideal);
    return ideal;
  }
}

/**
 * All ideals, the smaller ones first. O(ideals · (width + nodes ÷ 32)) time and memory.
 *
 * @param predecessors of each node; nodes in any order without a cycle
 * @returns `null` if there are more than `most`
 */
export function enumerateIdeals(
  predecessors: readonly (readonly number[])[],
  most: number,
): Ideals | null {
  const ideals = new Ideals(predecessors.length);
  const successors = successorsOf(predecessors);
  const ready = predecessors.flatMap((before, node) => (before.length === 0 ? [node] : []));
  let level = new Map([[0, ready]]);
  while (level.size > 0) {
    const nextLevel = new Map<number, number[]>();
    for (const [ideal, addable] of level) {
      for (const node of addable) {
        const larger = ideals.extend(ideal, node);
        if (nextLevel.has(larger)) continue;
        if (ideals.count > most) return null;
        const freed = (successors[node] ?? []).filter((successor) =>
          (predecessors[successor] ?? []).every((before) => ideals.has(larger, before)),
        );
        nextLevel.set(larger, [...addable.filter((other) => other !== node), ...freed]);
      }
    }
    level = nextLevel;
  }
  return ideals;
}

/** The ideals that topological orders pass through: n + 1 for one order. */
export function idealsAlong(orders: readonly (readonly number[])[]): Ideals {
  const ideals = new Ideals(orders[0]?.length ?? 0);
  for (const order of orders) {
    let ideal = 0;
    for (const node of order) ideal = ideals.extend(ideal, node);
  }
  return ideals;
}

/** Nodes that each node feeds. */
export function successorsOf(predecessors: readonly (readonly number[])[]): number[][] {
  const successors: number[][] = predecessors.map(() => []);
  predecessors.forEach((nodes, node) => {
    for (const before of nodes) successors[before]?.push(node);
  });
  return successors;
}

/** A fixed number of 32 well-mixed bits for each node, so that exclusive or hashes sets. */
function scramble(node: number): number {
  let hash = Math.imul(node + 1, 0x9e3779b1);
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
