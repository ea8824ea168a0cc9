/**
 * Writes ONNX models: in one piece, or as a skeleton beside its weights.
 *
 * @module
 */
import { toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import {
  GraphProtoSchema,
  ModelProtoSchema,
  type TensorProto,
  TensorProto_DataLocation,
  TensorProtoSchema,
} from "onnx-buf";
import { CodedError } from "../base/errors.ts";
import { mainGraph, withFields, withGraph } from "./message.ts";
import type { OnnxModel } from "./model.ts";

/** Largest message that protobuf readers take. */
const largestMessageBytes = 2 ** 31 - 1;

/** Offsets of weights in external files: whole pages, so that a runtime can map them. */
const pageBytes = 4096;

/**
 * A model with its weights inside, as one array. Copies the weights once.
 *
 * @throws ONNX_UNSUPPORTED if it is larger than 2 GiB
 */
export function encodeOnnx(model: OnnxModel): Uint8Array<ArrayBuffer> {
  const chunks = encodeChunks(model);
  const joined = new Uint8Array(byteCount(chunks));
  let offset = 0;
  for (const chunk of chunks) {
    joined.set(chunk, offset);
    offset += chunk.length;
  }
  return joined;
}

/**
 * The same bytes as a list, in which the weights are the model's own views: nothing large is copied.
 *
 * Libraries join the bytes of a message level by level, thus copy weights three times. But fields may
 * stand in any order (protobuf encoding, "Order"): weights go to the end of the graph, the graph to
 * the end of the model, and their data to the end of each weight.
 *
 * @throws ONNX_UNSUPPORTED if it is larger than 2 GiB
 */
export function encodeChunks(model: OnnxModel): Uint8Array[] {
  const graph = mainGraph(model.proto);
  const isApart = ({ name }: TensorProto) => model.weights.has(name);
  const { initializer: field } = GraphProtoSchema.field;
  const small = graph.initializer.filter((tensor) => !isApart(tensor));
  const weights = graph.initializer.filter(isApart).flatMap((tensor) => {
    const content = tensorChunks(tensor, model.weights.get(tensor.name) ?? new Uint8Array());
    return [lengthPrefix(field.number, byteCount(content)), ...content];
  });
  const rest = toBinary(GraphProtoSchema, withFields(graph, { initializer: small }));
  const content = [rest, ...weights];
  const outside = withFields(model.proto, {});
  delete outside.graph;
  const bytes = byteCount(content);
  const prefix = lengthPrefix(ModelProtoSchema.field.graph.number, bytes);
  const chunks = [toBinary(ModelProtoSchema, outside), prefix, ...content];
  if (byteCount(chunks) <= largestMessageBytes) return chunks;
  throw new CodedError(
    "ONNX_UNSUPPORTED",
    `the model needs ${byteCount(chunks)} bytes, an ONNX file holds at most ${largestMessageBytes}: write the weights as external data`,
    { bytes: byteCount(chunks) },
  );
}

function tensorChunks(tensor: TensorProto, data: Uint8Array): Uint8Array[] {
  const { rawData } = TensorProtoSchema.field;
  const bare = withFields(tensor, {});
  delete (bare as Partial<TensorProto>).rawData;
  return [toBinary(TensorProtoSchema, bare), lengthPrefix(rawData.number, data.length), data];
}

function lengthPrefix(field: number, length: number): Uint8Array {
  return new BinaryWriter().tag(field, WireType.LengthDelimited).uint32(length).finish();
}

function byteCount(chunks: readonly Uint8Array[]): number {
  return chunks.reduce((total, { length }) => total + length, 0);
}

/** Where the data of one weight stands in its file. */
export interface Blob {
  /** Of the initialiser. */
  readonly name: string;
  readonly location: string;
  readonly offset: number;
  readonly length: number;
}

/**
 * A model without its weights, which it looks for in another file.
 *
 * @param location the file, relative to the model's folder: one for all weights, at offsets of whole
 * pages; or one for each weight, by the name of its initialiser
 * @param lengthOf bytes of a weight that stands outside; default: those of `model.weights`
 * @returns the model's bytes, and what to write where
 */
export function encodeSkeleton(
  model: OnnxModel,
  location: string | ((name: string) => string),
  lengthOf: (name: string) => number | undefined = (name) => model.weights.get(name)?.length,
): { readonly skeleton: Uint8Array<ArrayBuffer>; readonly blobs: readonly Blob[] } {
  const blobs: Blob[] = [];
  let end = 0;
  const initializer = mainGraph(model.proto).initializer.map((tensor) => {
    const { name } = tensor;
    const length = lengthOf(name);
    if (length === undefined) return tensor;
    const offset = Math.ceil(end / pageBytes) * pageBytes;
    const blob =
      typeof location === "string"
        ? { name, location, offset, length }
        : { name, location: location(name), offset: 0, length };
    blobs.push(blob);
    end = offset + length;
    return external(tensor, blob);
  });
  const skeleton = toBinary(ModelProtoSchema, withGraph(model.proto, { initializer }));
  return { skeleton, blobs };
}

function external(tensor: TensorProto, { location, offset, length }: Blob): TensorProto {
  const entries = Object.entries({ location, offset: `${offset}`, length: `${length}` });
  const moved = withFields(tensor, {
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: entries.map(([key, value]) => ({
      $typeName: "onnx.StringStringEntryProto",
      key,
      value,
    })),
  });
  delete (moved as Partial<TensorProto>).rawData;
  return moved;
}
