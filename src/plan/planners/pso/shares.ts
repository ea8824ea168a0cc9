/** What a member of a group is loaded with when it makes the rows from `from` to `to`. */
export interface Member {
  /** Rising in `to`, falling in `from`; `Infinity` where it cannot or has no room. */
  load(from: number, to: number): number;
  /** Its load without any rows. */
  readonly idle: number;
}

export interface Shares {
  /** The largest load. */
  readonly seconds: number;
  /** The row behind the last of each member; a member without rows ends where the one before ends. */
  readonly ends: readonly number[];
}

const equality = 1e-6;
const mostSteps = 60;

/**
 * Shares rows among the members, in their order from the top, so that the busiest is least busy.
 *
 * Bisection on the seconds: in turn each member takes the most rows that it can make within them, and
 * they are enough if all rows are taken. O(log(1 ÷ equality) · members · log rows) loads.
 *
 * @param low seconds that are out of reach
 * @param high seconds to be beaten; `Infinity`: any shares will do
 * @returns within 1e-6 of the best for this order; `null` if nothing is below `high`
 */
export function shareRows(
  members: readonly Member[],
  height: number,
  low: number,
  high: number,
): Shares | null {
  const start = high === Number.POSITIVE_INFINITY ? Number.MAX_VALUE : high * (1 - equality);
  let best = fill(members, height, start);
  if (best === null) return null;
  let below = low;
  for (let step = 0; step < mostSteps && best.seconds - below > equality * best.seconds; step++) {
    const middle = (below + best.seconds) / 2;
    const found = fill(members, height, middle);
    if (found === null) below = middle;
    else best = found;
  }
  return best;
}

/** The shares when every member takes what it can within some seconds; `null` if rows are left. */
function fill(members: readonly Member[], height: number, seconds: number): Shares | null {
  const ends: number[] = [];
  let from = 0;
  let largest = 0;
  for (const member of members) {
    const to = from < height ? furthest(member, from, height, seconds) : from;
    const load = to > from ? member.load(from, to) : member.idle;
    if (load > seconds) return null;
    largest = Math.max(largest, load);
    ends.push(to);
    from = to;
  }
  return from === height ? { seconds: largest, ends } : null;
}

/** The last row up to which a member can go from a row on; that row itself if it cannot take any. */
function furthest({ load }: Member, from: number, height: number, seconds: number): number {
  let low = from;
  let high = height;
  if (load(from, height) <= seconds) return height;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (load(from, middle) <= seconds) low = middle;
    else high = middle;
  }
  return low;
}
