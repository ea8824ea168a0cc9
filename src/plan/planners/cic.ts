import { nominalState } from "../../cost/state.ts";
import type { NotCompressed } from "../compress.ts";
import { evaluate } from "../evaluate.ts";
import { findOverfull, type Infeasible, infeasible, memoryOf } from "../feasibility.ts";
import type { Incumbent, Planner, Planning } from "../planner.ts";
import { createProblem, type Problem } from "../problem.ts";
import { everyCut, tryEveryCut } from "./cic/every-cut.ts";
import { createSplittingModel, type SplittingModel } from "./cic/splitting-model.ts";

/** Cuts that are tried one by one, where no minimum cut answers. */
const mostCuts = 1000;
/** Periods that differ by less, relatively, are equal. */
const equality = 1e-9;

/**
 * CIC: a graph compressed once, independently of the link, and cut in each state.
 *
 * The best one-way placement on two devices, under the conditions of the compression: no node slower
 * on the server, no limits, for the throughput no codecs. A cap on the source's memory, and the throughput, want every
 * cut of the compressed graph tried, up to 1,000; the throughput is answered where the server is not
 * the bottleneck. O(nodes + uses) offline, and the maximum flows of `compress`; `createSplittingModel`
 * has offline and online apart.
 *
 * @see Yang, Li, He and Zhang, "DNN real-time collaborative inference acceleration with mobile edge
 * computing", IJCNN 2022; the rules are not public, these were worked out anew
 */
export const cic: Planner = {
  name: "cic",
  optimalAmong: "one-way",
  refuses: (problem) => {
    const model = modelOf(problem);
    if (model.type === "refused") return model.reason;
    if (!wantsEveryCut(problem)) return null;
    const found = drain(searchCuts(problem, model));
    return "type" in found && found.type === "refused" ? found.reason : null;
  },
  *plan(problem): Planning {
    const model = modelOf(problem);
    if (model.type === "refused") return unproven(infeasible(model.reason));
    const found = wantsEveryCut(problem)
      ? yield* searchCuts(problem, model)
      : decideOnce(problem, model);
    if ("value" in found) return found;
    if (found.type === "refused") return unproven(infeasible(found.reason));
    return model.covers === "all" ? found : unproven(found);
  },
};

/**
 * For all bandwidths where that can be; codecs differ from state to state, so that with them it is for
 * the stated one. For the throughput the model of another objective does as well, as long as that is a sum.
 */
function modelOf(problem: Problem): SplittingModel | NotCompressed {
  const { profile, topology, objective, limits } = problem;
  if (objective.type === "throughput") {
    return createSplittingModel(createProblem(profile, topology, { type: "latency" }, limits));
  }
  const model = createSplittingModel(problem);
  return model.type === "refused" ? createSplittingModel(problem, null) : model;
}

/** Whether some cuts may not be allowed, or what is asked is no sum. */
function wantsEveryCut(problem: Problem): boolean {
  if (problem.objective.type === "throughput") return true;
  const everything = problem.index.graph.nodes.map(() => problem.source);
  return findOverfull(problem, memoryOf(problem, everything)) !== null;
}

function decideOnce(problem: Problem, model: SplittingModel): Incumbent | Infeasible {
  const decision = model.decide(nominalState(problem.topology));
  const server = problem.devices.findIndex((_, device) => device !== problem.source);
  const placement =
    decision === null
      ? problem.index.graph.nodes.map(() => server)
      : model.expand(decision.placement);
  const found = evaluate(problem, placement);
  if (found.type === "infeasible") return found;
  const bound = decision === null ? null : Math.min(found.value, decision.cost);
  return {
    placement,
    value: found.value,
    bound: model.covers === "all" ? bound : null,
    method: methodOf(problem, model),
  };
}

function* searchCuts(
  problem: Problem,
  model: SplittingModel,
): Generator<Incumbent | null, Incumbent | Infeasible | NotCompressed> {
  const cuts = everyCut(model, mostCuts);
  if (cuts === null) {
    const why =
      problem.objective.type === "throughput"
        ? "the throughput is no sum"
        : `the memory of '${problem.devices[problem.source]?.name}' forbids some cuts`;
    return refused(`${why}, and there are more than ${mostCuts} cuts to try`);
  }
  const found = yield* tryEveryCut(problem, model, cuts);
  if ("type" in found) return found;
  const { incumbent, floor } = found;
  if (incumbent.value > floor * (1 + equality)) {
    const server = problem.devices.find((_, device) => device !== problem.source);
    return refused(
      `the throughput is bound by '${server?.name}', which computes more the less stays on the source; the compressed graph is right for the source and the link alone`,
    );
  }
  const isSum = problem.objective.type !== "throughput";
  return {
    ...incumbent,
    bound: isSum && model.covers === "all" ? incumbent.value : null,
    method: `${methodOf(problem, model)}, each of its ${cuts.length} cuts tried`,
  };
}

function methodOf({ index }: Problem, { groups, holds }: SplittingModel): string {
  const model = `splitting model of ${groups.length} groups for ${index.graph.nodes.length} nodes`;
  return holds === "as-stated" ? `${model}, for the stated links alone: tensors are coded` : model;
}

function refused(reason: string): NotCompressed {
  return { type: "refused", reason };
}

function unproven(found: Infeasible): Infeasible {
  return { ...found, isProven: false };
}

function drain<T>(steps: Generator<unknown, T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
