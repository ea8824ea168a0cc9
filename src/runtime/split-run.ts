import { CodedError } from "../base/errors.ts";
import type { Seconds } from "../base/units.ts";
import type { TensorValue } from "../graph/tensor-value.ts";
import type { Session, TensorValues } from "./runtime.ts";

export interface SplitRun {
  /** The tensors that were asked for. */
  readonly outputs: TensorValues;
  /** What each stage took, in their order. */
  readonly computeSeconds: readonly Seconds[];
}

/**
 * Runs the parts of a split one after another in this process, on one set of inputs.
 *
 * @param sessions of the stages, each behind those that feed it
 * @param inputs the graph's inputs, by name; left to the caller
 * @param outputs names of tensors that are wanted: graph outputs, or any tensor between two stages
 * @throws TENSOR_UNKNOWN if a stage needs, or the caller wants, what no stage before has made; else as
 * `Session.run`
 */
export async function runSplit(
  sessions: readonly Session[],
  inputs: TensorValues,
  outputs: readonly string[],
): Promise<SplitRun> {
  const values = new Map<string, TensorValue>(Object.entries(inputs));
  const computeSeconds: Seconds[] = [];
  for (const session of sessions) {
    const result = await session.run(
      // Copies: a run takes its inputs' buffers away, and later stages may need the same tensors.
      Object.fromEntries(session.inputs.map(({ name }) => [name, copyOf(find(values, name))])),
    );
    computeSeconds.push(result.computeSeconds);
    for (const [name, value] of Object.entries(result.outputs)) values.set(name, value);
  }
  return {
    outputs: Object.fromEntries(outputs.map((name) => [name, find(values, name)])),
    computeSeconds,
  };
}

function find(values: ReadonlyMap<string, TensorValue>, name: string): TensorValue {
  const value = values.get(name);
  if (value !== undefined) return value;
  throw new CodedError(
    "TENSOR_UNKNOWN",
    `tensor '${name}' is needed before a stage has made it; there are ${[...values.keys()].join(", ")}`,
    { tensor: name },
  );
}

function copyOf(value: TensorValue): TensorValue {
  return { ...value, data: new Uint8Array(value.data) };
}
