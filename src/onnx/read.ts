/**
 * Reads ONNX models: decodes, checks at the door, and takes the weights out of the message.
 *
 * @module
 */
import { fromBinary } from "@bufbuild/protobuf";
import { type ModelProto, ModelProtoSchema, type NodeProto, type TensorProto } from "onnx-buf";
import { CodedError, messageOf } from "../base/errors.ts";
import { dataTypeName } from "./data-type.ts";
import { type ExternalData, loadExternal, loadInnerExternal } from "./external-data.ts";
import { guessFormat } from "./guess-format.ts";
import { mainGraph, withFields, withGraph } from "./message.ts";
import type { OnnxModel } from "./model.ts";
import { orderNodes } from "./order.ts";
import { initialiserNames } from "./structure.ts";
import { checkTensor, inlineData, tensorBytes } from "./tensor-data.ts";

/** Initialisers of this many bytes or more are taken out of the message. */
const largeBytes = 1024;

/** Versions that ONNX Runtime 1.30 loads. */
const newestIrVersion = 13n;
const [oldestOpset, newestOpset] = [7n, 26n];

/** Since this version initialisers need not be listed as graph inputs. */
const initialisersApart = 4n;

/**
 * Reads a model from the bytes of its file.
 *
 * Large initialisers become views of `bytes` (so that these stay alive) or of what `external`
 * returns; a large Constant node becomes an initialiser of its output's name. Initialisers are no
 * graph inputs any more, and nodes stand in a topological order. Small and shape-like constants stay
 * in the message, where shape inference finds them. O(file), one pass, no copy of raw data.
 *
 * @param external finds external data files by their location within the model's folder
 * @throws ONNX_MALFORMED if it is no model, or a broken one; ONNX_UNSUPPORTED if its version cannot be
 * run; FILE_NOT_FOUND if external data is missing
 */
export function readOnnx(bytes: Uint8Array, external?: ExternalData): OnnxModel {
  const decoded = decode(bytes);
  checkVersions(decoded);
  loadInnerExternal(decoded, external);
  const { proto, weights } = takeWeights(decoded, external);
  const graph = mainGraph(proto);
  if (graph.output.length === 0) {
    throw new CodedError(
      "ONNX_MALFORMED",
      "the graph declares no outputs: there is nothing to ask it for",
    );
  }
  const initialisers = new Set<string>();
  for (const name of initialiserNames(graph)) {
    if (initialisers.has(name)) {
      throw new CodedError("ONNX_MALFORMED", `two initialisers are named '${name}'`, { name });
    }
    initialisers.add(name);
  }
  const input = graph.input.filter(({ name }) => !initialisers.has(name));
  const ordered = withGraph(proto, { input, node: orderNodes(withFields(graph, { input })) });
  if (proto.irVersion >= initialisersApart) return { proto: ordered, weights };
  return { proto: withFields(ordered, { irVersion: initialisersApart }), weights };
}

function decode(bytes: Uint8Array): ModelProto {
  if (bytes.length === 0) throw new CodedError("ONNX_MALFORMED", "the model is empty (0 bytes)");
  const guess = guessFormat(bytes);
  const hint = guess === null ? "it may be truncated or no ONNX file" : `it looks like ${guess}`;
  let proto: ModelProto;
  try {
    proto = fromBinary(ModelProtoSchema, bytes);
  } catch (cause) {
    const message = `${bytes.length} bytes cannot be decoded as an ONNX model (${messageOf(cause)}); ${hint}`;
    throw new CodedError("ONNX_MALFORMED", message, { bytes: bytes.length }, cause);
  }
  if (proto.graph !== undefined && proto.graph.node.length + proto.graph.output.length > 0) {
    return proto;
  }
  const message = `${bytes.length} bytes hold no ONNX graph; ${hint}`;
  throw new CodedError("ONNX_MALFORMED", message, { bytes: bytes.length });
}

function checkVersions(proto: ModelProto): void {
  if (proto.irVersion < 1n || proto.irVersion > newestIrVersion) {
    throw unsupported(
      `the model has IR version ${proto.irVersion}; readable are 1 to ${newestIrVersion}`,
    );
  }
  const standard = proto.opsetImport.filter(({ domain }) => domain === "" || domain === "ai.onnx");
  // A model without any import is older than operator sets: those are version 1.
  const versions = proto.opsetImport.length === 0 ? [1n] : standard.map(({ version }) => version);
  for (const version of versions) {
    if (version >= oldestOpset && version <= newestOpset) continue;
    throw unsupported(
      `the model uses opset ${version}; readable are ${oldestOpset} to ${newestOpset}: convert it with onnx.version_converter`,
    );
  }
}

function unsupported(message: string): CodedError {
  return new CodedError("ONNX_UNSUPPORTED", message);
}

function takeWeights(decoded: ModelProto, external: ExternalData | undefined): OnnxModel {
  const graph = mainGraph(decoded);
  const weights = new Map<string, Uint8Array>();
  const take = (tensor: TensorProto): TensorProto => {
    const data = loadExternal(tensor, external) ?? inlineData(tensor);
    checkTensor(tensor, data?.length ?? null);
    const inside = withFields(tensor, { ...noData, rawData: new Uint8Array() });
    // Absent, not zero: what is written again must equal what was read.
    delete (inside as Partial<TensorProto>).dataLocation;
    if (data !== null && isLarge(tensor)) {
      weights.set(tensor.name, data);
      return inside;
    }
    if (data === null || tensor.externalData.length === 0) return tensor;
    return withFields(inside, { rawData: new Uint8Array(data) });
  };
  const node: NodeProto[] = [];
  const initializer = graph.initializer.map(take);
  for (const candidate of graph.node) {
    const constant = largeConstant(candidate);
    if (constant === null) node.push(candidate);
    else initializer.push(take(constant));
  }
  return { proto: withGraph(decoded, { node, initializer }), weights };
}

/** What a message without data holds in the fields for it. */
const noData = {
  floatData: [],
  int32Data: [],
  int64Data: [],
  doubleData: [],
  uint64Data: [],
  externalData: [],
};

/** Short lists of whole numbers stay inside whatever their size: shapes are computed from them. */
function isLarge(tensor: TensorProto): boolean {
  const type = dataTypeName(tensor.dataType);
  const shapeLike =
    (type === "int64" || type === "int32") &&
    tensor.dims.length <= 1 &&
    tensorBytes(tensor) <= 8192;
  return !shapeLike && tensorBytes(tensor) >= largeBytes;
}

/** The value of a Constant node as an initialiser, if it is large. */
function largeConstant(node: NodeProto): TensorProto | null {
  if (node.opType !== "Constant" || (node.domain !== "" && node.domain !== "ai.onnx")) return null;
  const value = node.attribute.find(({ name }) => name === "value")?.t;
  const [name] = node.output;
  if (value === undefined || name === undefined || name === "" || !isLarge(value)) return null;
  return withFields(value, { name });
}
