import type { TensorValues } from "../../runtime/runtime.ts";

/** How requests are joined along their first axis, so that they go through a plan as one. */
export interface Joining {
  /** Rows of one pass; a request that has more goes alone. */
  readonly most: number;
  /** How long a request waits for company when there is room for it. */
  readonly waitSeconds: number;
}

/** A request that waits. */
export interface Waiting {
  /** Positions along the first axis, of all its inputs. */
  readonly rows: number;
  /** Requests of one form can be joined; `null`: it goes alone. */
  readonly form: string | null;
  /** On the clock: until then it waits for company. */
  readonly heldUntil: number;
}

/** Who goes next, in their order; or when to look again, if nobody comes before; `null`: nobody can. */
export type Choice<T> =
  | { readonly type: "go"; readonly together: readonly T[] }
  | { readonly type: "hold"; readonly until: number }
  | null;

/** Clocks may wake somebody a little early. */
const tolerance = 1e-9;

/**
 * The oldest goes next, and with it those of its form, in their order, as many as fit. It waits for more
 * only as long as nobody's time to wait is over. O(waiting).
 *
 * @param waiting the oldest first
 * @param free rows that there is room for; `null`: for any number
 */
export function chooseNext<T extends Waiting>(
  waiting: Iterable<T>,
  { most }: Joining,
  free: number | null,
  now: number,
): Choice<T> {
  const together: T[] = [];
  let rows = 0;
  let until = Number.POSITIVE_INFINITY;
  const limit = Math.min(most, free ?? Number.POSITIVE_INFINITY);
  for (const one of waiting) {
    const [first] = together;
    if (first === undefined) {
      if (free !== null && one.rows > free) return null;
      if (one.form === null || one.rows >= limit) return { type: "go", together: [one] };
    }
    until = Math.min(until, one.heldUntil);
    const fits = rows + one.rows <= limit;
    if (!fits || (first !== undefined && one.form !== first.form)) continue;
    together.push(one);
    rows += one.rows;
    if (rows === limit) return { type: "go", together };
  }
  if (together.length === 0) return null;
  if (until > now + tolerance) return { type: "hold", until };
  return { type: "go", together };
}

/**
 * Which requests can be joined with one of these inputs: those whose inputs have the same types and,
 * but for the first dimension, the same shapes. `null`: none, since its inputs have no rows, or not
 * equally many. O(inputs).
 */
export function formOf(inputs: TensorValues): {
  readonly form: string | null;
  readonly rows: number;
} {
  const entries = Object.entries(inputs).sort(([one], [other]) => (one < other ? -1 : 1));
  const counts = new Set(entries.map(([, { shape }]) => shape[0] ?? 0));
  const [rows = 0] = counts;
  if (counts.size !== 1 || rows < 1) return { form: null, rows: Math.max(1, ...counts) };
  const form = entries.map(([name, { dataType, shape }]) => [name, dataType, shape.slice(1)]);
  return { form: JSON.stringify(form), rows };
}

/** Who has little time is not held for long. */
const shareOfDeadline = 0.1;

/** How long a request waits for company. */
export function holdSeconds({ waitSeconds }: Joining, deadlineSeconds: number | null): number {
  if (deadlineSeconds === null) return waitSeconds;
  return Math.min(waitSeconds, deadlineSeconds * shareOfDeadline);
}
