/**
 * Types of values as ONNX writes them and as everything else reads them.
 *
 * @module
 */
import { create } from "@bufbuild/protobuf";
import {
  type TypeProto,
  TypeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "onnx-buf";
import { bytesPerElement } from "../graph/tensor-value.ts";
import { dataTypeName, dataTypeNumber } from "./data-type.ts";

/** A type whose dimensions may be open. */
export interface OpenType {
  /** Element type, or `sequence(…)`, `optional(…)`, `map(…, …)`. */
  readonly dataType: string;
  /** A string is an open dimension (`""`: without a symbol); `null` if the rank is unknown. */
  readonly shape: readonly (number | string)[] | null;
}

/** The type that a value is declared with; `null` if it has none. */
export function readType(type: TypeProto | undefined): OpenType | null {
  if (type === undefined || type.value.case === undefined) return null;
  if (type.value.case !== "tensorType") return { dataType: describeType(type), shape: [] };
  const { elemType, shape } = type.value.value;
  const sizes = shape?.dim.map(({ value }) => {
    if (value.case === "dimParam") return value.value;
    return value.case === "dimValue" && value.value >= 0n ? Number(value.value) : "";
  });
  return { dataType: dataTypeName(elemType), shape: sizes ?? null };
}

function describeType(type: TypeProto | undefined): string {
  switch (type?.value.case) {
    case "tensorType":
    case "sparseTensorType":
      return dataTypeName(type.value.value.elemType);
    case "sequenceType":
      return `sequence(${describeType(type.value.value.elemType)})`;
    case "optionalType":
      return `optional(${describeType(type.value.value.elemType)})`;
    case "mapType": {
      const { keyType, valueType } = type.value.value;
      return `map(${dataTypeName(keyType)}, ${describeType(valueType)})`;
    }
    default:
      return "undefined";
  }
}

/** Whether values of a type have bytes that can travel: numbers of whole bytes each. */
export function isPlainTensor(dataType: string): boolean {
  return bytesPerElement(dataType) !== null;
}

/** Declares a value. Without a type where `dataType` is none that can be written down. */
export function declareValue(name: string, { dataType, shape }: OpenType): ValueInfoProto {
  const type = writeType(dataType, shape);
  return create(ValueInfoProtoSchema, type === null ? { name } : { name, type });
}

function writeType(dataType: string, shape: OpenType["shape"]): TypeProto | null {
  const inner = /^(sequence|optional|map)\((.*)\)$/.exec(dataType);
  if (dataType.includes("undefined")) return null;
  if (inner === null) {
    const dim = (shape ?? []).map((size) => ({ value: writeSize(size) }));
    const value = {
      elemType: dataTypeNumber(dataType),
      ...(shape === null ? {} : { shape: { dim } }),
    };
    return create(TypeProtoSchema, { value: { case: "tensorType", value } });
  }
  const [, kind, content = ""] = inner;
  const comma = kind === "map" ? content.indexOf(",") : -1;
  const elemType = writeType(content.slice(comma + 1).trim(), null);
  if (elemType === null) return null;
  if (kind === "map") {
    const value = { keyType: dataTypeNumber(content.slice(0, comma)), valueType: elemType };
    return create(TypeProtoSchema, { value: { case: "mapType", value } });
  }
  const which = kind === "sequence" ? "sequenceType" : "optionalType";
  return create(TypeProtoSchema, { value: { case: which, value: { elemType } } });
}

function writeSize(size: number | string) {
  if (typeof size === "number") return { case: "dimValue" as const, value: BigInt(size) };
  if (size === "") return { case: undefined };
  return { case: "dimParam" as const, value: size };
}
