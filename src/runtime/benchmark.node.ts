import { type Seconds, seconds } from "../base/units.ts";
import type { OnnxModel } from "../onnx/model.ts";
import { toLoadable } from "./loadable.ts";
import { computeSeconds } from "./onnxruntime.node.ts";
import { sampleInputs } from "./sample-inputs.ts";
import { SessionClient } from "./session-client.node.ts";
import { readSignature } from "./signature.ts";

/** Enough for a few dozen runs of a small model on a fast machine, and for some on a slow one. */
const runsSeconds = 0.12;
const fewestRuns = 4;

/**
 * What one run of a small model takes on this machine with one thread: the least of all runs, since
 * whatever else the machine does only ever adds. It is meant for a model of some 50 MFLOP; then all
 * this takes about a third of a second.
 *
 * @throws ONNX_UNSUPPORTED, RUNTIME_FAILED
 */
export async function benchmark(model: OnnxModel): Promise<Seconds> {
  const client = await SessionClient.start({ ...toLoadable(model), threads: 1, level: "disabled" });
  try {
    const inputs = sampleInputs(readSignature(model).inputs);
    const limits = { atLeast: fewestRuns, atMost: 1000, seconds: runsSeconds };
    const times = await client.repeat(inputs, limits);
    return seconds(Math.min(...times.map((time) => computeSeconds(time, 1))));
  } finally {
    await client.release();
  }
}
