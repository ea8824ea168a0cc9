import type { Context } from "./context.ts";

/** What a group takes for the pieces from `first` to `last`, and what it takes at least. */
export interface Times {
  seconds(context: Context, first: number, last: number): number;
  atLeast(context: Context, first: number, last: number): number;
}

export interface GroupSplit {
  readonly seconds: number;
  /** The piece behind the last of each group; a group without pieces ends where the one before ends. */
  readonly ends: readonly number[];
}

/**
 * Splits a chain of pieces over groups of devices in a given order so that the slowest group is least
 * slow. Groups may stay without pieces. O(groups · pieces²) times, most of which are not worked out:
 * those that are no better than what is known. Yields after each group.
 *
 * @returns `Infinity` seconds if the groups cannot run all pieces
 * @see Dai et al., "Joint optimization of device placement and model partitioning for cooperative DNN
 * inference in heterogeneous edge computing", IEEE TMC 24(1), 2025
 */
export function* splitOverGroups(
  times: Times,
  groups: readonly Context[],
  pieces: number,
): Generator<null, GroupSplit> {
  let before = new Float64Array(pieces + 1).fill(Number.POSITIVE_INFINITY);
  before[0] = 0;
  const starts: Int32Array[] = [];
  for (const group of groups) {
    const after = Float64Array.from(before);
    const start = Int32Array.from(before, (_, end) => end);
    for (let end = 1; end <= pieces; end++) {
      for (let first = end - 1; first >= 0; first--) {
        const best = after[end] as number;
        const earlier = before[first] as number;
        if (earlier >= best || times.atLeast(group, first, end - 1) >= best) continue;
        const seconds = Math.max(earlier, times.seconds(group, first, end - 1));
        if (seconds >= best) continue;
        after[end] = seconds;
        start[end] = first;
      }
    }
    starts.push(start);
    before = after;
    yield null;
  }
  return { seconds: before[pieces] as number, ends: traceBack(starts, pieces) };
}

function traceBack(starts: readonly Int32Array[], pieces: number): number[] {
  const ends: number[] = [];
  let end = pieces;
  for (let group = starts.length - 1; group >= 0; group--) {
    ends[group] = end;
    end = starts[group]?.[end] as number;
  }
  return ends;
}
