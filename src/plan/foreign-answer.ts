/**
 * What a planner outside of this package answers: a placement, and claims that must hold.
 *
 * @module
 */
import { z } from "zod";
import { CodedError, isCoded } from "../base/errors.ts";
import { graphSha256 } from "../cost/graph-hash.ts";
import type { CodecChoice } from "../cost/hops.ts";
import { placementOf } from "./check.ts";
import { codecsOf, withCodecs } from "./codecs.ts";
import { type Evaluation, evaluate } from "./evaluate.ts";
import { type Infeasible, infeasible } from "./feasibility.ts";
import { alternativesOf, claimOf, transfersOf } from "./make-plan.ts";
import { formatObjective } from "./objective.ts";
import type { Plan } from "./plan.ts";
import type { Incumbent } from "./planner.ts";
import type { Placement, Problem } from "./problem.ts";

/** Claims may differ from `evaluate` by this much, relative. */
const tolerance = 1e-9;

/** Characters of a stranger's words that are shown: they stand in a line of a plan or a cell of a table. */
const longestWords = 400;

/** Whatever else an answer holds is its author's business. */
const answerSchema = z.looseObject({
  placement: z.record(z.string(), z.string()).exactOptional(),
  infeasible: z.string().min(1).exactOptional(),
  objective: z.string().exactOptional(),
  graphSha256: z.string().exactOptional(),
  method: z.string().exactOptional(),
  claimed: z
    .strictObject({
      latencySeconds: z.number(),
      periodSeconds: z.number(),
      throughputPerSecond: z.number(),
      energyJoules: z.number(),
      memoryBytes: z.record(z.string(), z.number()),
    })
    .partial()
    .exactOptional(),
  alternatives: z.record(z.string(), z.number()).exactOptional(),
  transfers: z
    .array(
      z.strictObject({
        tensor: z.string(),
        from: z.string(),
        to: z.string(),
        bytes: z.number().exactOptional(),
        seconds: z.number().exactOptional(),
        codec: z.string().exactOptional(),
      }),
    )
    .exactOptional(),
});

type Answer = z.infer<typeof answerSchema>;

/**
 * Reads and checks the answer of a planner outside of this package.
 *
 * Bounds, gaps and guarantees in it are not read: a stranger's word proves nothing.
 *
 * @param author of the answer, for messages
 * @returns the placement with its value as `evaluate` says, or that there is none, in its words
 * @throws PLAN_INVALID if a node stands nowhere or on no device, the placement is not allowed, or a
 * claim differs from `evaluate`
 */
export function readAnswer(
  problem: Problem,
  answer: unknown,
  author: string,
): Incumbent | Infeasible {
  const parsed = answerSchema.safeParse(answer, { reportInput: true });
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const path = issue?.path.map(String).join(".") ?? "";
    throw invalid(author, `${path === "" ? "the answer" : path}: ${issue?.message}`);
  }
  const { placement, infeasible: reason, method } = parsed.data;
  if (placement !== undefined && reason !== undefined) {
    throw invalid(
      author,
      `it has both "placement" and "infeasible": there is a plan or there is none`,
    );
  }
  if (placement === undefined) {
    if (reason === undefined) {
      throw invalid(
        author,
        `it has neither "placement", which names a device for each node, nor "infeasible" with a reason`,
      );
    }
    return { ...infeasible(`${author} says: ${plainWords(reason)}`), isProven: false };
  }
  checkSubject(problem, parsed.data, author);
  const { places, codecs } = positionsOf(problem, placement, parsed.data.transfers, author);
  const coded = withCodecs(problem, codecs);
  const evaluation = evaluate(coded, places);
  if (evaluation.type === "infeasible") {
    throw invalid(author, `its placement is not allowed: ${evaluation.reason}`, evaluation.witness);
  }
  checkClaims(coded, evaluation, parsed.data, author);
  return {
    placement: places,
    value: evaluation.value,
    bound: null,
    ...(codecs === undefined ? {} : { codecs }),
    ...(method === undefined ? {} : { method: plainWords(method) }),
  };
}

/** Placement and codecs by position. @throws PLAN_INVALID, with the author */
function positionsOf(
  problem: Problem,
  placement: Plan["placement"],
  transfers: Answer["transfers"],
  author: string,
): { readonly places: Placement; readonly codecs: CodecChoice | undefined } {
  try {
    const named = transfers as Plan["transfers"] | undefined;
    return {
      places: placementOf(problem, { placement } as Plan),
      codecs: named === undefined ? undefined : codecsOf(problem, { transfers: named }),
    };
  } catch (error) {
    if (!isCoded(error)) throw error;
    throw invalid(author, error.message, error.details, error);
  }
}

/** On one line, without what moves a cursor or colours a terminal, and not endless. */
function plainWords(text: string): string {
  const plain = text.replaceAll(/[\s\p{Cc}\p{Cf}]+/gu, " ").trim();
  return plain.length > longestWords ? `${plain.slice(0, longestWords - 1)}…` : plain;
}

function checkSubject(problem: Problem, answer: Answer, author: string): void {
  const objective = formatObjective(problem.objective);
  if (answer.objective !== undefined && answer.objective !== objective) {
    throw invalid(author, `it is for objective "${answer.objective}", asked was "${objective}"`);
  }
  const hash = graphSha256(problem.profile.graph);
  if (answer.graphSha256 === undefined || answer.graphSha256 === hash) return;
  throw invalid(author, `it is for another graph: graphSha256 ${answer.graphSha256}, not ${hash}`);
}

function checkClaims(
  problem: Problem,
  evaluation: Evaluation,
  { claimed = {}, alternatives = {}, transfers = [] }: Answer,
  author: string,
): void {
  const { memoryBytes: memory = {}, ...figures } = claimed;
  const { memoryBytes, ...real } = claimOf(problem, evaluation);
  compare("claimed", figures, real, author);
  compare("claimed.memoryBytes", memory, memoryBytes, author);
  compare("alternatives", alternatives, alternativesOf(problem), author);
  const nameOf = (hop: { tensor: string; from: string; to: string }): string =>
    `'${hop.tensor}' ${hop.from} → ${hop.to}`;
  const hops = new Map(
    transfersOf(problem, evaluation).map((transfer) => [nameOf(transfer), transfer]),
  );
  for (const transfer of transfers) {
    const name = nameOf(transfer);
    const found = hops.get(name);
    if (found === undefined) {
      throw invalid(author, `it claims a transfer of ${name}, which its placement does not cause`);
    }
    const { bytes, seconds } = transfer;
    compare(
      `transfer of ${name}`,
      { bytes, seconds },
      { bytes: found.bytes, seconds: found.seconds },
      author,
    );
  }
}

/** Claims that are there are compared; an unknown name among them is one that is wrong. */
function compare(
  field: string,
  claimed: Readonly<Record<string, number | undefined>>,
  real: Readonly<Record<string, number>>,
  author: string,
): void {
  for (const [name, value] of Object.entries(claimed)) {
    if (value === undefined) continue;
    const found = Object.hasOwn(real, name) ? real[name] : undefined;
    if (found === undefined) {
      throw invalid(author, `it claims ${field}.${name} = ${value}, which there is not`);
    }
    if (value === found || Math.abs(value - found) <= tolerance * Math.abs(found)) continue;
    throw invalid(author, `it claims ${field}.${name} = ${value}, but it is ${found}`, {
      field: `${field}.${name}`,
      claimed: value,
      evaluated: found,
    });
  }
}

function invalid(
  author: string,
  message: string,
  details: Readonly<Record<string, unknown>> = {},
  cause?: unknown,
): CodedError {
  return new CodedError("PLAN_INVALID", `${author}: ${message}`, details, cause);
}
