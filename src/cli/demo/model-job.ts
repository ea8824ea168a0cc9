import { bindShapes, openDimensions, requireBound } from "../../onnx/bind.ts";
import type { TensorSignature, TensorValues } from "../../runtime/runtime.ts";
import { sampleInputs } from "../../runtime/sample-inputs.ts";
import { readSignature } from "../../runtime/signature.ts";
import { loadModel } from "../model-argument.ts";
import { bestClasses } from "../tensors/answers.ts";
import { readInput } from "../tensors/inputs.ts";

import type { Terminal } from "../terminal.ts";
import type { Job } from "./job.ts";

/** Distinct random inputs; requests take them in turn. */
const inputCount = 5;

export interface ModelJobOptions {
  /** An ONNX file or `zoo:NAME`. */
  readonly model: string;
  /** Shapes of inputs with open dimensions; an open batch is 1. */
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  /** The only request; default: seeded random numbers. */
  readonly image?: string;
}

/**
 * Any model: what its answers mean is not known, but whether they are the same is.
 *
 * @throws SHAPE_UNBOUND and what `loadModel` and `readInput` throw
 */
export async function createModelJob(options: ModelJobOptions, terminal: Terminal): Promise<Job> {
  const { name, model } = await loadModel(options.model, terminal);
  const shapes = shapesFor(readSignature(model).inputs, options.shapes);
  const bound = bindShapes(model, shapes);
  requireBound(bound);
  const signature = readSignature(bound).inputs;
  const inputs = await requestsFor(signature, options.image, terminal);
  return {
    name,
    title: `${options.model} on ${options.image ?? `${inputCount} random inputs`}`,
    model,
    shapes: Object.fromEntries(signature.map((input) => [input.name, input.shape.map(Number)])),
    inputs,
    remarks: openDimensions(model).length > 0 ? [`shapes: ${JSON.stringify(shapes)}`] : [],
    read: (answers) => answers.map(describeBest),
  };
}

/** What was given, and an open first dimension as a batch of one where that leaves nothing open. */
function shapesFor(
  signature: readonly TensorSignature[],
  given: Readonly<Record<string, readonly number[]>>,
): Record<string, readonly number[]> {
  const guessed = signature.flatMap(({ name, shape }) => {
    const sizes = shape.map((size, axis) => (typeof size === "string" && axis === 0 ? 1 : size));
    return sizes.every((size) => typeof size === "number") && shape.length > 0
      ? [[name, sizes as number[]] as const]
      : [];
  });
  return { ...Object.fromEntries(guessed), ...given };
}

async function requestsFor(
  signature: readonly TensorSignature[],
  image: string | undefined,
  terminal: Terminal,
): Promise<TensorValues[]> {
  if (image !== undefined) {
    return [(await readInput(image, signature, undefined, terminal)).values];
  }
  return Array.from({ length: inputCount }, (_, seed) => sampleInputs(signature, seed + 1));
}

function describeBest(outputs: TensorValues): string {
  return bestClasses(outputs, [], 3)
    .map(({ label, score }) => `${label} (${score.toPrecision(3)})`)
    .join(", ");
}
