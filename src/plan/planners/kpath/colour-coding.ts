import type { Random } from "../../../base/random.ts";

/** Who is linked to whom, as rows of bits: device b is in the row of device a. */
export interface Adjacency {
  readonly devices: number;
  /** Words of 32 bits a row. */
  readonly words: number;
  readonly rows: Uint32Array;
}

/** The path that is looked for. */
export interface PathWanted {
  /** Devices on it. */
  readonly length: number;
  readonly from: number | null;
  readonly to: number | null;
  /** Devices that it may use, its ends too. */
  readonly allowed: readonly number[];
}

/** `published`: ⌊1.3·k⌋ colours for k devices, of which only the first k count. */
export type ColourRules = "published" | "mended";

/** Operations on words for one path: some hundredths of a second. */
const mostOperations = 1e7;

/**
 * A simple path of k devices, by colour coding: devices are coloured at random, and a path on which
 * no colour comes twice is found by dynamic programming over sets of colours.
 *
 * O(colourings · 2^k · devices² ÷ 32) time, ⌈10·e^k⌉ colourings at most and fewer where that is more
 * than ten million operations: a path that exists may be missed. `mended` has k colours, and one for
 * each end that is given.
 *
 * @returns `null`: none was found
 * @see Alon, Yuster, Zwick, "Color-coding", Journal of the ACM 42(4), 1995
 */
export function findPath(
  adjacency: Adjacency,
  wanted: PathWanted,
  random: Random,
  rules: ColourRules,
): number[] | null {
  const { length, allowed } = wanted;
  if (allowed.length < length) return null;
  const perColouring = 2 ** length * adjacency.words * (allowed.length / length + length);
  const colourings = Math.ceil(
    Math.min(10 * Math.exp(length), Math.max(20, mostOperations / perColouring)),
  );
  const ends = new Uint32Array(2 ** length * adjacency.words);
  for (let colouring = 0; colouring < colourings; colouring++) {
    const colours = colour(adjacency, wanted, random, rules);
    const path = colourfulPath(adjacency, wanted, colours, ends);
    if (path !== null) return path;
  }
  return null;
}

/** A colour for each device; those that cannot be on the path have one that no path has. */
function colour(
  { devices }: Adjacency,
  { length, from, to, allowed }: PathWanted,
  random: Random,
  rules: ColourRules,
): Int32Array {
  const colours = new Int32Array(devices).fill(length);
  if (rules === "published") {
    for (const device of allowed) colours[device] = random.integer(Math.floor(1.3 * length));
    return colours;
  }
  const first = from === null ? 0 : 1;
  const open = length - first - (to === null ? 0 : 1);
  for (const device of allowed) {
    colours[device] = open > 0 ? first + random.integer(open) : length;
  }
  if (from !== null) colours[from] = 0;
  if (to !== null) colours[to] = length - 1;
  return colours;
}

/** A path with every colour below its length once. */
function colourfulPath(
  adjacency: Adjacency,
  { length, from, to, allowed }: PathWanted,
  colours: Int32Array,
  ends: Uint32Array,
): number[] | null {
  const { words, rows } = adjacency;
  const full = 2 ** length - 1;
  const ofColour = membersOf(adjacency, allowed, colours, length);
  ends.fill(0);
  for (const device of from === null ? allowed : [from]) {
    const own = colours[device] as number;
    if (own < length) setBit(ends, (1 << own) * words, device);
  }
  const reached = new Uint32Array(words);
  for (let set = 1; set < full; set++) {
    if (!gather(ends, set * words, rows, words, reached)) continue;
    for (let next = 0; next < length; next++) {
      if (((set >> next) & 1) === 1) continue;
      const at = (set | (1 << next)) * words;
      for (let word = 0; word < words; word++) {
        const added = (reached[word] as number) & (ofColour[next * words + word] as number);
        ends[at + word] = (ends[at + word] as number) | added;
      }
    }
  }
  const last = (to === null ? allowed : [to]).find((device) => hasBit(ends, full * words, device));
  return last === undefined ? null : traceBack(adjacency, ends, colours, allowed, last, full);
}

function membersOf(
  { words }: Adjacency,
  allowed: readonly number[],
  colours: Int32Array,
  length: number,
): Uint32Array {
  const members = new Uint32Array(length * words);
  for (const device of allowed) {
    const own = colours[device] as number;
    if (own < length) setBit(members, own * words, device);
  }
  return members;
}

/** Whom the devices of a row are linked to; returns whether it has any device. */
function gather(
  ends: Uint32Array,
  at: number,
  rows: Uint32Array,
  words: number,
  reached: Uint32Array,
): boolean {
  let isAny = false;
  reached.fill(0);
  for (let word = 0; word < words; word++) {
    for (let bits = ends[at + word] as number; bits !== 0; bits &= bits - 1) {
      isAny = true;
      const row = (word * 32 + 31 - Math.clz32(bits & -bits)) * words;
      for (let other = 0; other < words; other++) {
        reached[other] = (reached[other] as number) | (rows[row + other] as number);
      }
    }
  }
  return isAny;
}

function traceBack(
  { words, rows }: Adjacency,
  ends: Uint32Array,
  colours: Int32Array,
  allowed: readonly number[],
  last: number,
  full: number,
): number[] {
  const path = [last];
  let set = full;
  for (let device = last; ; ) {
    set &= ~(1 << (colours[device] as number));
    if (set === 0) return path;
    const to = device;
    device = allowed.find(
      (other) => hasBit(ends, set * words, other) && hasBit(rows, other * words, to),
    ) as number;
    path.unshift(device);
  }
}

export function setBit(bits: Uint32Array, at: number, position: number): void {
  const word = at + (position >> 5);
  bits[word] = (bits[word] as number) | (1 << (position & 31));
}

function hasBit(bits: Uint32Array, at: number, position: number): boolean {
  return (((bits[at + (position >> 5)] as number) >>> (position & 31)) & 1) === 1;
}
