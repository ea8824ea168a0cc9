import type { CodecChoice, Hops } from "../cost/hops.ts";
import { additiveCosts } from "./additive.ts";
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
  const isCoded = hops.samples.some((tensor) =>
    hops.links.some((_, link) => hops.codecs(link, tensor).length > 0),
  );
  if (!isCoded || objective.type === "latency" || objective.type === "throughput") return hops;
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

/** The problem with other codecs on its links. */
export function withCodecs(problem: Problem, choice: CodecChoice): Problem {
  return { ...problem, hops: problem.hops.withCodecs(choice) };
}
