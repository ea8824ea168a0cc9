/**
 * Tensors whose data stands in another file. ONNX documentation, "External Data".
 *
 * @module
 */
import {
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type TensorProto,
  TensorProto_DataLocation,
} from "onnx-buf";
import { CodedError } from "../base/errors.ts";
import { checkTensor, inlineData, tensorBytes } from "./tensor-data.ts";

/** Reads ranges of files, so that a file need not fit into one buffer. */
export interface RangeReader {
  /** Exactly `length` bytes, or an error. */
  read(location: string, offset: number, length: number): Uint8Array;
}

/** Finds a file by its location within the model's folder: whole, or range by range. */
export type ExternalData = ((location: string) => Uint8Array) | RangeReader;

/**
 * The data of a tensor that stands in another file; `null` if it does not.
 *
 * @throws FILE_NOT_FOUND without `external`; ONNX_MALFORMED if the reference does not fit
 */
export function loadExternal(
  tensor: TensorProto,
  external: ExternalData | undefined,
): Uint8Array | null {
  if (tensor.dataLocation !== TensorProto_DataLocation.EXTERNAL) return null;
  const entries = new Map(tensor.externalData.map(({ key, value }) => [key, value]));
  const location = entries.get("location") ?? "";
  const offset = Number(entries.get("offset") ?? 0);
  const length = Number(entries.get("length") ?? tensorBytes(tensor));
  // Before anything is read: a wrong length must not make us allocate.
  checkTensor(tensor, length);
  if (!Number.isSafeInteger(offset) || offset < 0 || isOutside(location)) {
    throw new CodedError(
      "ONNX_MALFORMED",
      `tensor '${tensor.name}' names external data at offset ${entries.get("offset") ?? 0} of '${location}', which is no place within the model's folder`,
      { tensor: tensor.name, location },
    );
  }
  if (external === undefined) {
    throw new CodedError(
      "FILE_NOT_FOUND",
      `tensor '${tensor.name}' has its data in the file '${location}', which was not given with the model`,
      { tensor: tensor.name, location },
    );
  }
  if (typeof external !== "function") return external.read(location, offset, length);
  const file = external(location);
  if (offset + length <= file.length) return file.subarray(offset, offset + length);
  throw new CodedError(
    "ONNX_MALFORMED",
    `tensor '${tensor.name}' needs bytes ${offset} to ${offset + length} of '${location}', which has ${file.length}; it may be truncated`,
    { tensor: tensor.name, location },
  );
}

function isOutside(location: string): boolean {
  const folders = location.split(/[/\\]/);
  return (
    location === "" || folders.includes("..") || folders[0] === "" || /^[a-z]:/i.test(location)
  );
}

/**
 * Checks the tensors in attributes, subgraphs and functions, and loads external data of theirs into
 * their messages, which are changed in place; initialisers of the main graph are left alone.
 *
 * @throws ONNX_MALFORMED, FILE_NOT_FOUND
 */
export function loadInnerExternal(proto: ModelProto, external: ExternalData | undefined): void {
  const load = (tensor: TensorProto): void => {
    const data = loadExternal(tensor, external);
    if (data === null) {
      checkTensor(tensor, inlineData(tensor)?.length ?? null);
      return;
    }
    tensor.rawData = new Uint8Array(data);
    tensor.externalData = [];
    tensor.dataLocation = TensorProto_DataLocation.DEFAULT;
  };
  const nodes = [...(proto.graph?.node ?? []), ...proto.functions.flatMap(({ node }) => node)];
  for (const tensor of nodes.flatMap(innerTensors)) load(tensor);
}

/** All tensors in the attributes of a node, those of its subgraphs included. */
export function innerTensors(node: NodeProto): TensorProto[] {
  return node.attribute.flatMap(({ t, tensors, g, graphs }) => [
    ...(t === undefined ? [] : [t]),
    ...tensors,
    ...(g === undefined ? graphs : [g, ...graphs]).flatMap(graphTensors),
  ]);
}

function graphTensors(graph: GraphProto): TensorProto[] {
  return [...graph.initializer, ...graph.node.flatMap(innerTensors)];
}
