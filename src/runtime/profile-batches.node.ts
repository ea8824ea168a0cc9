import type { BatchCost, ProfiledBatch } from "../cost/profile.ts";
import { batchAxes, shapesOfBatch } from "../onnx/batch.ts";
import { createOnnxRuntime } from "./onnxruntime.node.ts";
import { type PreparedGraph, resizeGraph } from "./prepare.node.ts";
import { type ProfileOptions, profileGraph } from "./profile-graph.node.ts";
import { tryBatch } from "./try-batch.ts";

export interface BatchOptions extends Omit<ProfileOptions, "onProgress"> {
  /** Numbers of requests as one to measure, ascending from 2 on. */
  readonly sizes: readonly number[];
  /** Of the inputs for one request. */
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  /** @param fraction of all sizes */
  readonly onProgress?: (fraction: number, message: string) => void;
}

export interface MeasuredBatches {
  readonly batch: ProfiledBatch;
  readonly batches: readonly BatchCost[];
}

/**
 * Whether requests can be joined, and what each node then takes for so many of them. First the answers
 * to joined requests are compared with those to the same requests alone.
 *
 * @param prepared for one request; its model has an open first dimension
 * @throws ONNX_UNSUPPORTED if requests cannot be joined; else as `profileGraph`
 */
export async function profileBatches(
  prepared: PreparedGraph,
  { sizes, shapes, onProgress, ...options }: BatchOptions,
): Promise<MeasuredBatches> {
  const { model, graph, types } = prepared;
  const inputs = graph.inputs.flatMap((name) => {
    const type = types.get(name);
    return type === undefined ? [] : [{ name, ...type }];
  });
  const resized: { requests: number; sized: PreparedGraph; axes: (number | null)[] }[] = [];
  for (const requests of sizes) {
    const sized = await resizeGraph(prepared, shapesOfBatch(model, shapes, requests));
    resized.push({ requests, sized, axes: batchAxes(graph, sized.graph, requests) });
  }
  const session = await createOnnxRuntime().load(model, { threads: options.threads });
  let difference = 0;
  try {
    for (const requests of sizes) {
      difference = Math.max(difference, await tryBatch(session, inputs, graph.outputs, requests));
    }
  } finally {
    await session.release();
  }
  const batches: BatchCost[] = [];
  for (const [position, { requests, sized }] of resized.entries()) {
    const measured = await profileGraph(sized, {
      ...options,
      onProgress: (fraction) =>
        onProgress?.((position + fraction) / sizes.length, `measuring ${requests} requests as one`),
    });
    batches.push({ requests, ...measured });
  }
  return { batch: { axes: resized[0]?.axes ?? [], difference }, batches };
}
