import type { OnnxModel } from "../../onnx/model.ts";
import type { TensorValues } from "../../runtime/runtime.ts";

/** What the demo runs: a model, its requests, and how to read its answers. */
export interface Job {
  /** Of the graph, for files and messages. */
  readonly name: string;
  /** What is computed on what, for people. */
  readonly title: string;
  readonly model: OnnxModel;
  /** Shapes of the inputs that the plan holds for. */
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  /** At least one; requests take them in turn. */
  readonly inputs: readonly TensorValues[];
  /** What was done to model and input, and why. */
  readonly remarks: readonly string[];
  /** What the answers to `inputs` say, a line each. */
  read(answers: readonly TensorValues[]): readonly string[];
}
