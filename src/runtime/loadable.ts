import type { OnnxModel } from "../onnx/model.ts";
import { encodeSkeleton } from "../onnx/write.ts";
import type { WeightData } from "./session-protocol.ts";

/**
 * A model in the form in which a session's thread takes it: the message without weights, and a copy
 * of each weight in a buffer of its own, which can be transferred.
 */
export function toLoadable(model: OnnxModel): {
  skeleton: Uint8Array<ArrayBuffer>;
  weights: WeightData[];
} {
  const paths = new Map([...model.weights.keys()].map((name, position) => [name, `w${position}`]));
  const { skeleton, blobs } = encodeSkeleton(model, (name) => paths.get(name) ?? name);
  const weights = blobs.map(({ name, location }) => ({
    path: location,
    data: new Uint8Array(model.weights.get(name) ?? []),
  }));
  return { skeleton: new Uint8Array(skeleton), weights };
}
