/**
 * How a node makes a part of its output from a part of its input, along one axis. All positions are
 * those of the whole tensors.
 *
 * @module
 */
import { type Rows, rowCount, type Window } from "../../graph/window.ts";
import type { Ratio } from "../window/resize.ts";
import type { Spread } from "../window/transposed.ts";

/** What is fed, and what comes out: at least what is wanted. */
export interface AxisCut {
  readonly reads: Rows;
  readonly makes: Rows;
}

export interface PaddedCut extends AxisCut {
  readonly padBegin: number;
  readonly padEnd: number;
}

/** A kernel that slides: padded at true borders only. */
export interface SlidingCut extends PaddedCut {
  /** Whether the last step is one that is not full. */
  readonly isCeil: boolean;
}

/**
 * @param made positions that are wanted
 * @param needed what `neededRows` says of these
 */
export function slide(
  { kernel, stride, dilation, padBegin, padEnd }: Window,
  axis: number,
  made: Rows,
  needed: Rows,
  extent: number,
): SlidingCut {
  const [step, before] = [stride[axis] as number, padBegin[axis] as number];
  const reach = (dilation[axis] as number) * ((kernel[axis] as number) - 1) + 1;
  const [low, high] = [made.from * step - before, (made.to - 1) * step - before + reach];
  // Of padding alone the next real position is read, and more is made than is wanted.
  const steps = Math.max(0, Math.ceil((low - needed.from) / step));
  const begin = Math.max(0, needed.from - (low - steps * step));
  const end = Math.max(0, high - needed.to);
  const stated = padEnd[axis] as number;
  if (needed.to === extent && end > stated) {
    return { reads: needed, makes: made, padBegin: begin, padEnd: stated, isCeil: true };
  }
  const from = made.from - steps;
  const count = Math.floor((begin + rowCount(needed) + end - reach) / step) + 1;
  const makes = { from, to: from + count };
  return { reads: needed, makes, padBegin: begin, padEnd: end, isCeil: false };
}

export interface SpreadCut extends PaddedCut {
  /** Positions behind the last that an input adds to. */
  readonly outputPadding: number;
}

/** A transposed convolution: what its inputs add to outside of what is wanted is cut off as padding. */
export function spread({ stride, pad, reach }: Spread, made: Rows, needed: Rows): SpreadCut {
  const end = (needed.to - 1) * stride - pad + reach;
  return {
    reads: needed,
    makes: made,
    padBegin: made.from - (needed.from * stride - pad),
    padEnd: Math.max(0, end - made.to),
    outputPadding: Math.max(0, made.to - end),
  };
}

/** Positions added before and behind, as far as they are wanted; negative ones are cut off by `needed`. */
export function pad(begin: number, made: Rows, needed: Rows): PaddedCut {
  const [low, high] = [made.from - begin, made.to - begin];
  const [first, last] = [Math.min(low, needed.from), Math.max(high, needed.to)];
  return {
    reads: needed,
    makes: { from: first + begin, to: last + begin },
    padBegin: needed.from - first,
    padEnd: last - needed.to,
  };
}

/** Positions mirrored at the borders, all of them at a border that a part of them lies behind. */
export function mirror(
  begin: number,
  end: number,
  made: Rows,
  needed: Rows,
  extent: number,
): PaddedCut {
  const [low, high] = [made.from - begin, made.to - begin];
  const [isFirst, isLast] = [low < 0, high > extent];
  const reads = {
    from: isFirst || isLast ? needed.from : low,
    to: isFirst || isLast ? needed.to : high,
  };
  const [padBegin, padEnd] = [isFirst ? begin : 0, isLast ? end : 0];
  const from = isFirst ? 0 : reads.from + begin;
  return {
    reads,
    makes: { from, to: from + padBegin + rowCount(reads) + padEnd },
    padBegin,
    padEnd,
  };
}

/** Whole blocks of a ratio. */
export function resize({ from, to }: Ratio, needed: Rows): AxisCut {
  const [first, behind] = [Math.ceil(needed.from / from), Math.floor(needed.to / from)];
  return {
    reads: { from: first * from, to: behind * from },
    makes: { from: first * to, to: behind * to },
  };
}
