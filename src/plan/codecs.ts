import { CodedError } from "../base/errors.ts";
import type { CodecChoice, Hops } from "../cost/hops.ts";
import { additiveCosts } from "./additive.ts";
import type { Plan } from "./plan.ts";
import type { Problem } from "./problem.ts";

/**
 * Gives each tensor on each link the codec that makes its hop cheapest for the objective; for the
 * throughput, which is no sum, the fastest one.
 *
 * Hops of a sum are paid each for itself, so that no other choice is better for any placement.
 *
 * @param problem with the fastest codecs
 */
export function chooseCodecs(problem: Problem): Hops {
  const { hops, objective } = problem;
  if (!isCoded(hops) || objective.type === "latency" || objective.type === "throughput")
    return hops;
  const costsWith = (choice: CodecChoice) =>
    additiveCosts({ ...problem, hops: hops.withCodecs(choice) });
  const names = new Set(
    hops.samples.flatMap((tensor) => hops.links.flatMap((_, link) => hops.codecs(link, tensor))),
  );
  const options = [null, ...names].map((name) => ({
    name,
    costs: costsWith((link, tensor) =>
      name !== null && hops.codecs(link, tensor).includes(name) ? name : null,
    ),
  }));
  return hops.withCodecs((link, tensor) => {
    const cost = (option: (typeof options)[number]): number =>
      option.costs?.hop(tensor, link) ?? Number.POSITIVE_INFINITY;
    const allowed = options.filter(
      ({ name }) => name === null || hops.codecs(link, tensor).includes(name),
    );
    return allowed.reduce((best, option) => (cost(option) < cost(best) ? option : best)).name;
  });
}

/**
 * Whether a limit is set on a figure that other codecs than those of the objective might keep: what
 * is found with these alone then proves nothing. Never for the throughput, whose planner tries them
 * all.
 */
export function leavesCodecsOpen({ hops, objective, limits }: Problem): boolean {
  const { latencySeconds, periodSeconds, energyJoules } = limits;
  if (objective.type === "throughput") return false;
  const isLimited =
    periodSeconds !== undefined ||
    (latencySeconds !== undefined && objective.type !== "latency") ||
    (energyJoules !== undefined && objective.type !== "energy");
  return isLimited && isCoded(hops);
}

function isCoded(hops: Hops): boolean {
  return hops.samples.some((tensor) =>
    hops.links.some((_, link) => hops.codecs(link, tensor).length > 0),
  );
}

/** The problem with other codecs on its links, if there are any. */
export function withCodecs(problem: Problem, choice: CodecChoice | undefined): Problem {
  return choice === undefined ? problem : { ...problem, hops: problem.hops.withCodecs(choice) };
}

/**
 * The codecs that a plan's transfers name; where it transfers nothing, those of the problem.
 *
 * @throws PLAN_INVALID if a codec was not measured for its tensor, or cannot be used on its link
 */
export function codecsOf(problem: Problem, { transfers }: Pick<Plan, "transfers">): CodecChoice {
  const { hops, index, topology } = problem;
  const linkByEnds = new Map(
    topology.links.map(({ from, to }, link) => [JSON.stringify([from, to]), link]),
  );
  const named = new Map<string, string | null>();
  for (const { tensor, from, to, codec = null } of transfers) {
    const link = linkByEnds.get(JSON.stringify([from, to]));
    const position = index.tensorByName.get(tensor);
    if (link === undefined || position === undefined) continue;
    const allowed = hops.codecs(link, position);
    if (codec !== null && !allowed.includes(codec)) {
      const known = allowed.length === 0 ? "none" : allowed.join(", ");
      throw new CodedError(
        "PLAN_INVALID",
        `the plan codes '${tensor}' ${from} → ${to} with '${codec}', which the profile has not measured for it or this link does not take (possible: ${known}); plan again`,
        { tensor, from, to, codec },
      );
    }
    named.set(`${link} ${position}`, codec);
  }
  return (link, tensor) => {
    const codec = named.get(`${link} ${tensor}`);
    return codec === undefined ? hops.codec(link, tensor) : codec;
  };
}
