/**
 * Cutting a model along a plan.
 *
 * @module
 */
import { CodedError } from "../base/errors.ts";
import { graphSha256 } from "../cost/graph-hash.ts";
import { type OptimisationLevel, optimisationLevels } from "../cost/profile.ts";
import { indexGraph } from "../graph/graph.ts";
import { shapesOfBatch } from "../onnx/batch.ts";
import { extractPart } from "../onnx/extract.ts";
import type { OnnxModel } from "../onnx/model.ts";
import { extractTile, type TilePart } from "../onnx/tile.ts";
import { checkStages } from "../plan/check.ts";
import type { Plan, Stage } from "../plan/plan.ts";
import { type StageWork, worksOf } from "../plan/stage-works.ts";
import type { PreparedGraph } from "../runtime/prepare.node.ts";
import { choice, type Option } from "./command.ts";
import { prepareModel } from "./prepare.ts";
import type { Shapes } from "./shape-option.ts";

export const cutLevelOption: Option<OptimisationLevel | undefined> = choice(
  "--level <level>",
  "how far the whole graph is optimised before it is cut",
  optimisationLevels,
);

/** What one device runs at once: a stage, or a tile of one. */
export interface StagePart {
  /** Of tiles that of their stage with a number behind. */
  readonly id: string;
  readonly device: string;
  readonly nodes: readonly string[];
  readonly model: OnnxModel;
  /** The regions of its inputs and outputs; `null`: it is whole. */
  readonly tile: Omit<TilePart, "part"> | null;
}

export interface Cut {
  readonly prepared: PreparedGraph;
  /** In an order in which each stands behind those that feed it. */
  readonly parts: readonly StagePart[];
}

/**
 * Optimises the whole graph, makes sure that the plan is for it, and extracts the parts.
 *
 * @throws PLAN_INVALID if the plan was made for another graph or another level of optimisation, or
 * has other stages than its placement gives; ONNX_UNSUPPORTED if a node cannot be cut into tiles; else
 * as `prepareModel`
 */
export async function cutByPlan(
  model: OnnxModel,
  plan: Plan,
  level: OptimisationLevel,
  shapes: Shapes,
): Promise<Cut> {
  const { most } = plan.batch ?? { most: 1 };
  const own = most === 1 ? shapes : shapesOfBatch(model, shapes, 1);
  const prepared = await prepareModel(model, level, own);
  checkPlanned(prepared, plan, level);
  const index = indexGraph(prepared.graph);
  const parts = plan.stages.flatMap((stage) => {
    const works = worksOf(index, stage);
    return works.map((work, position): StagePart => {
      const id = works.length === 1 ? stage.id : `${stage.id}.${position}`;
      return { id, device: work.device, nodes: stage.nodes, ...extract(prepared, stage, work) };
    });
  });
  return { prepared, parts };
}

function extract(
  { model, graph, openTypes }: PreparedGraph,
  { nodes }: Stage,
  { outputs }: StageWork,
): Pick<StagePart, "model" | "tile"> {
  if (outputs === null) return { model: extractPart(model, nodes, openTypes), tile: null };
  const wanted = [...outputs].map(
    ([tensor, region]) => [graph.tensors[tensor]?.name ?? "", region] as const,
  );
  const { part, ...tile } = extractTile(model, graph, nodes, new Map(wanted));
  return { model: part, tile };
}

/** @throws PLAN_INVALID if the plan is not for this graph */
export function checkPlanned(prepared: PreparedGraph, plan: Plan, level: OptimisationLevel): void {
  checkGraph(prepared, plan, level);
  checkStages(indexGraph(prepared.graph), plan);
}

function checkGraph({ graph }: PreparedGraph, plan: Plan, level: OptimisationLevel): void {
  if (plan.graphSha256 === graphSha256(graph)) return;
  if (plan.level !== undefined && plan.level !== level) {
    throw invalid(
      `the plan was made for the graph at level '${plan.level}', this command cuts it at '${level}': run \`partita profile MODEL --level ${level}\` and plan again, or cut with \`--level ${plan.level}\``,
    );
  }
  throw invalid(
    `the plan was made for another graph: its graphSha256 is ${plan.graphSha256.slice(0, 12)}…, the model's at level '${level}' is ${graphSha256(graph).slice(0, 12)}…; profile this model and plan again (with the same --shape, if any)`,
  );
}

function invalid(message: string): CodedError {
  return new CodedError("PLAN_INVALID", message);
}
