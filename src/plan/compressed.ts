/**
 * Planners on the compressed graph: fewer nodes to place, the same best one-way placement.
 *
 * @module
 */
import type { CodecChoice } from "../cost/hops.ts";
import { withCodecs } from "./codecs.ts";
import { lineFromSource } from "./compress/conditions.ts";
import { type Compression, compress, type NotCompressed } from "./compress.ts";
import { evaluate } from "./evaluate.ts";
import { findOverfull, type Infeasible, memoryOf } from "./feasibility.ts";
import { leadsAway } from "./one-way.ts";
import type { Incumbent, Planner, PlannerClass } from "./planner.ts";
import { createProblem, type Problem } from "./problem.ts";

/**
 * Runs a planner on groups of nodes instead of nodes (`compress`, in the state that the topology
 * states); places the nodes of a group together and evaluates that on the whole graph.
 *
 * Refuses what does not compress, what the planner refuses, and memories that may not hold
 * everything, since a group needs other memory than its nodes one by one. A bound stands only where
 * the compression covers all placements. The class `one-device` stays, `one-way` stays, `all` stays
 * where all are covered and becomes `one-way` elsewhere; classes that count cuts or pieces do not:
 * a cut that the planner would have chosen may be merged away.
 */
export function onCompressed(planner: Planner): Planner {
  return {
    name: `${planner.name}+compress`,
    optimalAmong: keptClass(planner.optimalAmong, "one-way"),
    refuses: (problem) => {
      const compressed = compressWhole(problem);
      return compressed.type === "refused"
        ? `its graph does not compress: ${compressed.reason}`
        : planner.refuses(compressed.problem);
    },
    *plan(problem, tools) {
      const compressed = compressWhole(problem);
      if (compressed.type === "refused") throw new Error(`not compressed: ${compressed.reason}`);
      const steps = planner.plan(compressed.problem, tools);
      for (;;) {
        const step = steps.next();
        if (step.done === true) {
          return "type" in step.value
            ? demote(step.value, compressed)
            : finish(problem, compressed, planner, step.value);
        }
        const found = step.value === null ? null : expand(problem, compressed, step.value);
        yield found === null || "type" in found ? null : found;
      }
    },
  };
}

/** The compression, on devices whose memory does not matter. */
function compressWhole(problem: Problem): Compression | NotCompressed {
  const tight = findTight(problem);
  if (tight !== null) return { type: "refused", reason: `with everything on it, ${tight.reason}` };
  const compressed = compress(problem);
  if (compressed.type === "refused") return compressed;
  const line = lineFromSource(problem);
  if (line !== null && !leadsAway(line, problem)) {
    const reason = "links that no tensor takes join devices that are not next to each other";
    return { type: "refused", reason: `${reason}, so that which way is onwards is not certain` };
  }
  const { profile, topology, objective } = compressed.problem;
  const devices = topology.devices.map((device) => ({ ...device, memoryBytes: null }));
  return { ...compressed, problem: createProblem(profile, { ...topology, devices }, objective) };
}

function findTight(problem: Problem): Infeasible | null {
  for (const [device, { memoryBytes }] of problem.devices.entries()) {
    if (memoryBytes === null) continue;
    const everything = problem.index.graph.nodes.map(() => device);
    const overfull = findOverfull(problem, memoryOf(problem, everything));
    if (overfull !== null) return overfull;
  }
  return null;
}

function keptClass(
  among: PlannerClass | null | undefined,
  covers: Compression["covers"],
): PlannerClass | null {
  if (among === "all") return covers;
  return among === "one-way" || among === "one-device" ? among : null;
}

function expand(
  problem: Problem,
  compressed: Compression,
  incumbent: Incumbent,
): Incumbent | Infeasible {
  const { placement: placed, bound, codecs, bestAmong: _, ...rest } = incumbent;
  const choice = codecs === undefined ? undefined : wholeCodecs(problem, compressed, codecs);
  const placement = compressed.expand(placed);
  const found = evaluate(choice === undefined ? problem : withCodecs(problem, choice), placement);
  if (found.type === "infeasible") return found;
  const isBound = bound !== null && compressed.covers === "all";
  return {
    ...rest,
    placement,
    value: found.value,
    bound: isBound ? Math.min(bound, found.value) : null,
    ...(choice === undefined ? {} : { codecs: choice }),
  };
}

/** Tensors inside a group do not travel. */
function wholeCodecs(
  problem: Problem,
  { problem: small }: Compression,
  of: CodecChoice,
): CodecChoice {
  const { tensorByName } = small.index;
  const positions = problem.index.graph.tensors.map(({ name }) => tensorByName.get(name) ?? null);
  return (link, tensor) => {
    const position = positions[tensor] ?? null;
    return position === null ? null : of(link, position);
  };
}

function finish(
  problem: Problem,
  compressed: Compression,
  planner: Planner,
  incumbent: Incumbent,
): Incumbent | Infeasible {
  const found = expand(problem, compressed, incumbent);
  if ("type" in found) return found;
  const among = keptClass(incumbent.bestAmong ?? planner.optimalAmong, compressed.covers);
  const { groups } = compressed;
  return {
    ...found,
    method: `${incumbent.method ?? planner.name}, on ${groups.length} groups of ${problem.index.graph.nodes.length} nodes`,
    ...(among === null ? {} : { bestAmong: among }),
  };
}

function demote(found: Infeasible, { covers }: Compression): Infeasible {
  return covers === "all" ? found : { ...found, isProven: false };
}
