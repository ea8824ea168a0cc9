import { invert, type Rows, toRows } from "./rows.ts";
import type { Step } from "./steps.ts";

/** How the steps of plans wait for each other and share servers. */
export interface Wiring {
  /** Of all plans, one plan behind the other. */
  readonly steps: readonly Step[];
  /** By plan, the first of its steps; behind the last plan all of them. */
  readonly starts: readonly number[];
  /**
   * By step, those that it waits for. The answer of a plan is one more step, behind all others, which
   * waits for those that no other one waits for.
   */
  readonly after: Rows;
  /** By step, those that wait for it. */
  readonly before: Rows;
  /** By step, the servers that it takes, and those that it lets go. */
  readonly takes: Rows;
  readonly frees: Rows;
  /** By server, the steps that take it. */
  readonly users: Rows;
  /** Where a step stands among the users of a server that it takes; in the order of `takes`. */
  readonly seats: Int32Array;
}

/** @param plans the steps of each, whose positions count from its own first one */
export function wire(plans: readonly (readonly Step[])[], servers: number): Wiring {
  const { steps, starts } = join(plans);
  const followed = new Set(steps.flatMap(({ after }) => after));
  const answers = plans.map((own, plan) => {
    const first = starts[plan] as number;
    return [...own.keys()].map((step) => first + step).filter((step) => !followed.has(step));
  });
  const after = [...steps.map((step) => step.after), ...answers];
  const takes = steps.map((step) => step.takes);
  const rows = toRows(takes);
  const taken = new Int32Array(servers);
  const seats = rows.items.map((server) => {
    const seat = taken[server] as number;
    taken[server] = seat + 1;
    return seat;
  });
  return {
    steps,
    starts,
    after: toRows(after),
    before: toRows(invert(after, steps.length)),
    takes: rows,
    frees: toRows(steps.map(({ frees }) => frees)),
    users: toRows(invert(takes, servers)),
    seats,
  };
}

/** Plans one behind the other. */
function join(plans: readonly (readonly Step[])[]): Pick<Wiring, "steps" | "starts"> {
  const steps: Step[] = [];
  const starts = plans.map((own) => {
    const first = steps.length;
    for (const step of own) {
      steps.push({ ...step, after: step.after.map((position) => first + position) });
    }
    return first;
  });
  return { steps, starts: [...starts, steps.length] };
}
