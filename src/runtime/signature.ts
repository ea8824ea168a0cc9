/**
 * What a part takes and gives, read from its message, and the check of a run's inputs against it.
 *
 * @module
 */
import type { ValueInfoProto } from "onnx-buf";
import { CodedError } from "../base/errors.ts";
import { stringElements } from "../graph/string-value.ts";
import { bytesPerElement, elementCount, type TensorValue } from "../graph/tensor-value.ts";
import { dataTypeName } from "../onnx/data-type.ts";
import { mainGraph } from "../onnx/message.ts";
import type { OnnxModel } from "../onnx/model.ts";
import { initialiserNames } from "../onnx/structure.ts";
import type { TensorSignature, TensorValues } from "./runtime.ts";

/** A signature of which even the rank may be open. */
export interface DeclaredTensor extends TensorSignature {
  /** Whether a shape is declared; if not, `shape` is empty and means nothing. */
  readonly isRanked: boolean;
}

export interface Signature {
  readonly inputs: readonly DeclaredTensor[];
  readonly outputs: readonly DeclaredTensor[];
}

/** Initialisers that are listed as inputs, as old models do, are none. */
export function readSignature(model: OnnxModel): Signature {
  const graph = mainGraph(model.proto);
  const constants = new Set(initialiserNames(graph));
  return {
    inputs: graph.input.filter(({ name }) => !constants.has(name)).map(declared),
    outputs: graph.output.map(declared),
  };
}

/** @returns type `undefined` for an output whose type is left to inference */
function declared(info: ValueInfoProto): DeclaredTensor {
  const type = info.type?.value;
  if (type?.case !== undefined && type.case !== "tensorType") {
    return { name: info.name, dataType: type.case, shape: [], isRanked: false };
  }
  const tensor = type?.value;
  const shape = tensor?.shape?.dim.map(({ value }, axis) => {
    if (value.case === "dimValue") return Number(value.value);
    return value.case === "dimParam" && value.value !== "" ? value.value : `${info.name}.${axis}`;
  });
  return {
    name: info.name,
    dataType: dataTypeName(tensor?.elemType ?? 0),
    shape: shape ?? [],
    isRanked: shape !== undefined,
  };
}

/**
 * Checks the inputs of a run at the door.
 *
 * @param called what messages call an element type
 * @throws TENSOR_UNKNOWN if one is missing or too many, TENSOR_TYPE_MISMATCH, TENSOR_SHAPE_MISMATCH;
 * TENSOR_MALFORMED if one of strings holds no text
 */
export function checkInputs(
  expected: readonly DeclaredTensor[],
  inputs: TensorValues,
  called: (dataType: string) => string = (dataType) => dataType,
): void {
  const known = new Set(expected.map(({ name }) => name));
  for (const name of Object.keys(inputs)) {
    if (known.has(name)) continue;
    throw new CodedError(
      "TENSOR_UNKNOWN",
      `there is no input '${name}'; the inputs are ${listed(known)}`,
      { tensor: name },
    );
  }
  for (const input of expected) {
    // What every object inherits was not given: an input may be called `toString`.
    const value = Object.hasOwn(inputs, input.name) ? inputs[input.name] : undefined;
    if (value === undefined) {
      throw new CodedError(
        "TENSOR_UNKNOWN",
        `input '${input.name}' is missing; given: ${listed(Object.keys(inputs))}`,
        { tensor: input.name },
      );
    }
    checkType(input, value, called);
    checkShape(input, value, called);
  }
}

function checkType(
  { name, dataType }: DeclaredTensor,
  value: TensorValue,
  called: (dataType: string) => string,
): void {
  if (value.dataType === dataType) return;
  throw new CodedError(
    "TENSOR_TYPE_MISMATCH",
    `input '${name}' must be ${called(dataType)}, but ${called(value.dataType)} was given`,
    { tensor: name, expected: dataType, observed: value.dataType },
  );
}

function checkShape(
  { name, shape, isRanked }: DeclaredTensor,
  value: TensorValue,
  called: (dataType: string) => string,
): void {
  const fits =
    !isRanked ||
    (shape.length === value.shape.length &&
      shape.every((size, axis) => typeof size === "string" || size === value.shape[axis]));
  const details = { tensor: name, expected: shape, observed: value.shape };
  if (!fits) {
    throw new CodedError(
      "TENSOR_SHAPE_MISMATCH",
      `input '${name}' must have the shape [${shape.join(", ")}], but [${value.shape.join(", ")}] was given`,
      details,
    );
  }
  if (value.dataType === "string") {
    checkStrings(name, value);
    return;
  }
  const needed = elementCount(value.shape) * (bytesPerElement(value.dataType) ?? 0);
  if (needed === value.data.byteLength) return;
  throw new CodedError(
    "TENSOR_SHAPE_MISMATCH",
    `input '${name}' has ${value.data.byteLength} bytes; ${called(value.dataType)} [${value.shape.join(", ")}] needs ${needed} bytes`,
    details,
  );
}

function checkStrings(name: string, { shape, data }: TensorValue): void {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let count = 0;
  for (const element of stringElements(name, data)) {
    if (!isText(element, decoder)) {
      throw new CodedError(
        "TENSOR_MALFORMED",
        `element ${count} of input '${name}' is no text; strings are UTF-8 without NUL`,
        { tensor: name, element: count },
      );
    }
    count++;
  }
  const needed = elementCount(shape);
  if (count === needed) return;
  throw new CodedError(
    "TENSOR_SHAPE_MISMATCH",
    `input '${name}' has ${count} strings; [${shape.join(", ")}] needs ${needed}`,
    { tensor: name, expected: needed, observed: count },
  );
}

/** A NUL ends a string in ONNX Runtime's library for Node, so that the rest would be lost. */
function isText(element: Uint8Array, decoder: TextDecoder): boolean {
  if (element.includes(0)) return false;
  try {
    decoder.decode(element);
    return true;
  } catch {
    return false;
  }
}

function listed(names: Iterable<string>): string {
  const quoted = [...names].map((name) => `'${name}'`);
  return quoted.length === 0 ? "none" : quoted.join(", ");
}
