/**
 * A problem as one document: what an external planner is given, and what two researchers exchange.
 *
 * @module
 */
import { z } from "zod";
import { parseDocument } from "../cost/document.ts";
import { type Profile, profileSchema, readProfile } from "../cost/profile.ts";
import type { Topology } from "../cost/topology.ts";
import { readTopology, topologySchema } from "../cost/topology-file.ts";
import { formatObjective, parseObjective } from "./objective.ts";
import { limitsSchema } from "./plan.ts";
import { createProblem, type Limits, type Problem } from "./problem.ts";

/** Everything that the cost of a placement depends on, and a seed; no ONNX file, no machine. */
export interface ProblemDocument {
  readonly format: "partita.problem/1";
  readonly profile: Profile;
  /** Written with bare numbers in fields that carry the unit. */
  readonly topology: Topology;
  /** As `parseObjective` reads it. */
  readonly objective: string;
  readonly limits: Limits;
  /** For planners that draw lots. */
  readonly seed: number;
}

const common = {
  format: z.literal("partita.problem/1"),
  objective: z.string(),
  limits: limitsSchema.default({}),
  seed: z.int().nonnegative().default(1),
} as const;

/** Its JSON Schema is published. */
export const problemSchema: z.ZodType = z.strictObject({
  ...common,
  profile: profileSchema,
  topology: topologySchema,
});

/** Profile and topology have doors of their own. */
const frame = z.strictObject({ ...common, profile: z.unknown(), topology: z.unknown() });

/** The problem as a document, ready for `JSON.stringify`. */
export function problemDocument(problem: Problem, seed: number): ProblemDocument {
  const { profile, topology, objective, limits } = problem;
  const written = formatObjective(objective);
  return { format: "partita.problem/1", profile, topology, objective: written, limits, seed };
}

/**
 * Reads a problem, YAML or JSON, such as a planner outside of this package is given.
 *
 * @param file its name, for messages
 * @throws PROBLEM_INVALID, PROFILE_INVALID, TOPOLOGY_INVALID, GRAPH_INVALID, USAGE_INVALID for an
 * unknown objective, TENSOR_UNKNOWN for an unknown tensor in `limits.keepLocal`
 */
export function readProblem(text: string, file = "problem"): { problem: Problem; seed: number } {
  const { profile, topology, objective, limits, seed } = parseDocument(
    text,
    frame,
    file,
    "PROBLEM_INVALID",
  );
  const problem = createProblem(
    readProfile(JSON.stringify(profile ?? null), `${file}: profile`),
    readTopology(JSON.stringify(topology ?? null), `${file}: topology`),
    parseObjective(objective),
    limits,
  );
  return { problem, seed };
}
