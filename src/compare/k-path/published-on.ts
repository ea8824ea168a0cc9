import type { Planner } from "../../plan/planner.ts";
import { matchPaths } from "../../plan/planners/kpath/matching.ts";
import type { Parts } from "../../plan/planners/kpath/parts.ts";
import { planParts, refusesParts } from "../../plan/planners/kpath/plan-parts.ts";
import { type KpathChain, partitionByLeastSum, transferMbit } from "../kpath-chain.ts";

/**
 * `kpath` as published, for `chainProfile` of a network: with the memory and sizes that the public
 * code counts, while the plan is held to the honest ones.
 */
export function publishedOn(chain: KpathChain, capMebibytes: number): Planner {
  return {
    name: "kpath-published",
    optimalAmong: null,
    refuses: refusesParts,
    plan: (problem, { random }) =>
      planParts(
        problem,
        "published",
        function* (task) {
          const found = yield* matchPaths(task, random, "published");
          return found === null ? [] : [found];
        },
        () => publishedParts(chain, capMebibytes * 2 ** 20),
      ),
  };
}

function publishedParts(chain: KpathChain, capBytes: number): Parts | null {
  const division = partitionByLeastSum(chain, capBytes, "published");
  if (division === null) return null;
  const sent = transferMbit(chain, "published");
  // The first node of the profile is behind the first cut.
  const cuts = division.cuts.filter((cut) => cut > 0);
  return {
    starts: [0, ...cuts],
    sizes: cuts.map((cut) => sent[cut] as number),
    range: [Math.min(...sent), Math.max(...sent)],
  };
}
