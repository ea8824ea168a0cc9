/**
 * Planners of the caller in studies: programs may fail or hang, and the tables go on.
 *
 * @module
 */
import { type CodedError, isCoded } from "../../base/errors.ts";
import { formatQuantity } from "../../base/units.ts";
import { infeasible } from "../../plan/feasibility.ts";
import { formatObjective } from "../../plan/objective.ts";
import type { Planner } from "../../plan/planner.ts";
import { planners } from "../../plan/planners.ts";
import type { Problem } from "../../plan/problem.ts";
import { usage } from "../command.ts";
import { execPlanner, execPrefix } from "../exec-planner.ts";

/** Studies ask hundreds of questions, each of which tries a few cuts. */
const defaultLimitSeconds = 10;

/** So many answers may be late; then the program is asked no more. */
const patience = 3;

/** Characters of a reason that stands in a cell of a table. */
const longestReason = 300;

/** A question to which a program of the caller gave no answer that holds. */
export interface GuestFailure {
  readonly planner: string;
  readonly network: string;
  readonly objective: string;
  /** Devices and links of the question, in words. */
  readonly among: string;
  /** On one line. */
  readonly reason: string;
}

export interface Guests {
  readonly planners: readonly Planner[];
  /** Programs are killed after it; `null`: there are none. */
  readonly limitSeconds: number | null;
  /** Since it was last called. */
  takeFailures(): readonly GuestFailure[];
}

export interface GuestOptions {
  /** For one answer of a program. Default: 10. */
  readonly timeLimitSeconds?: number;
  /** Receives the first failure of each program, and what it wrote to its standard error. */
  readonly note: (text: string) => void;
}

/**
 * Planners by name, or programs, to stand in every table. One that is named twice stands there once;
 * two programs whose short names are the same are numbered.
 *
 * @throws USAGE_INVALID
 */
export function guestPlanners(names: readonly string[], options: GuestOptions): Guests {
  const { note, timeLimitSeconds = defaultLimitSeconds } = options;
  let failures: GuestFailure[] = [];
  const report = (failure: GuestFailure): void => {
    const { planner, network, objective, among, reason } = failure;
    if (failures.every((known) => known.planner !== planner)) {
      note(
        `${network}, ${objective}, ${among}: ${reason} (the table goes on; all failures of '${planner}' are listed on its page)`,
      );
    }
    failures.push(failure);
  };
  const taken = new Set<string>();
  const guests = [...new Set(names)].map((name) => {
    if (!name.startsWith(execPrefix)) return plannerNamed(name);
    const program = execPlanner(name, { note, timeLimitSeconds });
    const own = { ...program, name: unused(program.name, taken) };
    taken.add(own.name);
    return forgiving(own, timeLimitSeconds, report);
  });
  return {
    planners: guests,
    limitSeconds: taken.size === 0 ? null : timeLimitSeconds,
    takeFailures: () => {
      const found = failures;
      failures = [];
      return found;
    },
  };
}

function plannerNamed(name: string): Planner {
  const planner = Object.hasOwn(planners, name) ? planners[name] : undefined;
  if (planner !== undefined) return planner;
  throw usage(
    `--planner wants ${Object.keys(planners).join(", ")}, or exec:COMMAND, not "${name}"`,
  );
}

function unused(name: string, taken: ReadonlySet<string>): string {
  let own = name;
  for (let count = 2; taken.has(own); count++) own = `${name} (${count})`;
  return own;
}

/** A program that fails on one problem has no answer there; one that is late too often is let be. */
function forgiving(
  planner: Planner,
  limitSeconds: number,
  report: (failure: GuestFailure) => void,
): Planner {
  const { name } = planner;
  let late = 0;
  return {
    ...planner,
    *plan(problem, tools) {
      const fail = (reason: string) => {
        report({ planner: name, ...describe(problem), reason });
        return { ...infeasible(reason), isProven: false };
      };
      if (late >= patience) {
        const limit = formatQuantity(limitSeconds, "s");
        return fail(
          `planner '${name}' is asked no more: ${patience} times it gave no answer within ${limit}`,
        );
      }
      try {
        return yield* planner.plan(problem, tools);
      } catch (error) {
        if (!isCoded(error)) throw error;
        if (error.details["isLate"] === true) late++;
        // Whoever interrupts the study interrupts the program, too: it has not failed.
        if (error.details["signal"] === "SIGINT") return infeasible("it was interrupted");
        return fail(reasonOf(error, name));
      }
    },
  };
}

function describe({
  profile,
  objective,
  topology,
}: Problem): Omit<GuestFailure, "planner" | "reason"> {
  const rates = topology.links.map(({ bandwidthBitsPerSecond }) => bandwidthBitsPerSecond);
  const links =
    rates.length === 0 ? "" : `, links from ${formatQuantity(Math.min(...rates), "bit/s")}`;
  return {
    network: profile.graph.name,
    objective: formatObjective(objective),
    among: `${topology.devices.length} devices${links}`,
  };
}

/** On one line; of a program's standard error the last one, which mostly names what went wrong. */
function reasonOf({ message, details }: CodedError, name: string): string {
  const { reason, standardError } = details;
  const last = typeof standardError === "string" ? (standardError.split("\n").at(-1) ?? "") : "";
  const whole =
    typeof reason === "string"
      ? `planner '${name}': ${reason}${last === "" ? "" : `; its last words: ${last}`}`
      : message;
  const line = whole.replaceAll(/[\s\p{Cc}\p{Cf}]+/gu, " ").trim();
  return line.length > longestReason ? `${line.slice(0, longestReason - 1)}…` : line;
}
