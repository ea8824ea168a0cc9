import type { Choices } from "../control/choices.ts";
import type { ControlOptions } from "../control/control.ts";
import type { Trace } from "../cost/trace.ts";
import { type AdaptiveRun, type Policy, simulateAdaptive } from "./adaptive.ts";
import type { Arrivals } from "./arrivals.ts";
import { quantiles } from "./quantiles.ts";

export interface PolicyComparison {
  /** Requests along the trace, anew for each run: chance starts at its seed. */
  readonly arrivals: () => Arrivals;
  readonly requests: number;
  /** First requests that the figures leave out. */
  readonly warmUp: number;
  readonly trace: Trace;
  /** What serves before control has seen anything. */
  readonly start: number;
  readonly options?: ControlOptions;
}

export interface PolicyFigures {
  readonly name: PolicyName;
  /** The plan of a static policy; `null`: it changes. */
  readonly choice: number | null;
  readonly answered: number;
  /** `null`: nothing was answered behind the warm-up. */
  readonly meanSeconds: number | null;
  readonly medianSeconds: number | null;
  readonly p99Seconds: number | null;
  readonly switches: number;
  /** Mean ÷ that of the oracle − 1. */
  readonly regret: number | null;
}

/**
 * `adaptive`: under control; `static`: the one plan that is best for the whole trace, in hindsight;
 * `start`: the plan that serves first, for ever; `whole`: the best of those on one device, in
 * hindsight, `null` there if there is none; `oracle`: the best plan of each moment, at once; `paying`:
 * the same, but each switch takes the time that it takes to prepare.
 */
export type PolicyName = "adaptive" | "oracle" | "paying" | "static" | "start" | "whole";

/**
 * Compares control with what one would have without it, on one trace and the same requests.
 *
 * The oracle takes the plan of least cost at each moment, and knows nothing of queues: where requests
 * come faster than that plan takes them, another policy may have a smaller mean.
 */
export function comparePolicies(choices: Choices, asked: PolicyComparison): PolicyFigures[] {
  const run = (policy: Policy): AdaptiveRun =>
    simulateAdaptive(choices, { ...asked, arrivals: asked.arrivals(), policy });
  const statics = Array.from({ length: choices.count() }, (_, choice) => ({
    choice,
    ...figuresOf(run({ type: "static", choice }), asked.warmUp),
  }));
  const best = (found: readonly Found[]): Found | undefined =>
    found.toSorted((a, b) => (a.meanSeconds ?? never) - (b.meanSeconds ?? never))[0];
  const isWhole = ({ choice }: { readonly choice: number }): boolean => {
    const { placement, tiles = [] } = choices.at(choice);
    return new Set([...placement, ...tiles.flatMap(({ devices }) => devices)]).size === 1;
  };
  const controlled: Policy = {
    ...{ type: "controlled", start: asked.start },
    ...(asked.options === undefined ? {} : { options: asked.options }),
  };
  const oracle = figuresOf(run({ type: "oracle", free: true }), asked.warmUp);
  const paying = figuresOf(run({ type: "oracle", free: false }), asked.warmUp);
  const named: readonly (readonly [PolicyName, Found | undefined])[] = [
    ["adaptive", { choice: null, ...figuresOf(run(controlled), asked.warmUp) }],
    ["oracle", { choice: null, ...oracle }],
    ["paying", { choice: null, ...paying }],
    ["static", best(statics)],
    ["start", statics[asked.start]],
    ["whole", best(statics.filter(isWhole))],
  ];
  return named.flatMap(([name, found]) =>
    found === undefined ? [] : [{ name, ...found, regret: regretOf(found, oracle) }],
  );
}

type Found = Omit<PolicyFigures, "name" | "regret">;

function regretOf(found: Found, oracle: Pick<Found, "meanSeconds">): number | null {
  if (found.meanSeconds === null || oracle.meanSeconds === null) return null;
  return found.meanSeconds / oracle.meanSeconds - 1;
}

const never = Number.POSITIVE_INFINITY;

function figuresOf(run: AdaptiveRun, warmUp: number): Omit<Found, "choice"> {
  const measured = run.latencySeconds.subarray(Math.min(warmUp, run.latencySeconds.length));
  const [medianSeconds = null, p99Seconds = null] = quantiles(measured, [0.5, 0.99]);
  const total = measured.reduce((sum, seconds) => sum + seconds, 0);
  return {
    answered: run.latencySeconds.length,
    meanSeconds: measured.length === 0 ? null : total / measured.length,
    medianSeconds,
    p99Seconds,
    switches: run.switches.length,
  };
}
