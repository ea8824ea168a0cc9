/**
 * An ONNX model in memory: a skeleton that is edited and sent, and the weights, which are neither
 * copied nor encoded with it.
 *
 * @module
 */
import type { ModelProto } from "onnx-buf";

export interface OnnxModel {
  /**
   * The model without the data of its large initialisers. Those keep their name, type and dims in
   * `proto.graph.initializer` with empty `rawData`; their bytes are in `weights`.
   */
  readonly proto: ModelProto;
  /** Raw little-endian bytes by the name of the initialiser in the main graph; views, never copies. */
  readonly weights: ReadonlyMap<string, Uint8Array>;
}
