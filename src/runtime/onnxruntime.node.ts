/**
 * Runtime on ONNX Runtime's native library for Node, one thread per session.
 *
 * @module
 */
import { env } from "onnxruntime-common";
import { CodedError } from "../base/errors.ts";
import { seconds } from "../base/units.ts";
import { bytesPerElement } from "../graph/tensor-value.ts";
import type { OnnxModel } from "../onnx/model.ts";
import type { Runtime, Session, TensorSignature } from "./runtime.ts";
import { SessionClient } from "./session-client.node.ts";
import type { RunTime, RuntimeTensor } from "./session-protocol.ts";
import { checkInputs, readSignature } from "./signature.ts";
import { withLoadable } from "./weight-files.node.ts";

/** Element types of whole bytes that the library's binding for Node does not pass on. */
const notPassed = /^(bfloat16|complex|float8)/;

/** Sessions run what they are given exactly as it is: all optimisation happens before a graph is cut. */
export function createOnnxRuntime(): Runtime {
  return {
    name: onnxRuntimeName(),
    load: async (model, { threads, thrifty = false, files = new Map() }) => {
      checkTypes(model);
      const client = await withLoadable(model, files, (loadable) =>
        SessionClient.start({ ...loadable, threads, thrifty, level: "disabled" }),
      );
      return openSession(model, client, threads);
    },
  };
}

/** `onnxruntime 1.30.0` */
export function onnxRuntimeName(): string {
  // Both packages are released together; reading the version here keeps the library itself unloaded.
  return `onnxruntime ${env.versions.common}`;
}

/**
 * The compute seconds of a run: with one thread the smaller of wall time, which counts what others
 * did on the core in the meantime, and of the process's processor time, which counts what other
 * threads of this process did. Both are upper limits. With several threads it is wall time.
 */
export function computeSeconds({ wall, processor }: RunTime, threads: number): number {
  return threads === 1 ? Math.min(wall, processor) : wall;
}

function openSession(model: OnnxModel, client: SessionClient, threads: number): Session {
  const signature = readSignature(model);
  return {
    inputs: signature.inputs.map(({ name, dataType, shape }) => ({ name, dataType, shape })),
    outputs: client.outputs.map(signatureOf),
    run: async (inputs) => {
      checkInputs(signature.inputs, inputs);
      const { outputs, time } = await client.run(inputs);
      return { outputs, computeSeconds: seconds(computeSeconds(time, threads)) };
    },
    release: () => client.release(),
    died: client.died,
  };
}

function signatureOf({ name, dataType, shape }: RuntimeTensor): TensorSignature {
  return { name, dataType: dataType ?? "undefined", shape };
}

/** What cannot pass between devices is refused before anything runs. */
function checkTypes(model: OnnxModel): void {
  const { inputs, outputs } = readSignature(model);
  for (const { name, dataType } of [...inputs, ...outputs]) {
    if (dataType === "undefined" || dataType === "string") continue;
    if (bytesPerElement(dataType) !== null && !notPassed.test(dataType)) continue;
    throw new CodedError(
      "ONNX_UNSUPPORTED",
      `'${name}' has the type ${dataType}, which cannot be passed into or out of a part`,
      { tensor: name, dataType },
    );
  }
}
