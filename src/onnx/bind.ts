/**
 * Dimensions that a model leaves open, and values for them.
 *
 * @module
 */
import type { TypeProto, ValueInfoProto } from "onnx-buf";
import { CodedError } from "../base/errors.ts";
import { mainGraph, withFields, withGraph } from "./message.ts";
import type { OnnxModel } from "./model.ts";
import { initialiserNames } from "./structure.ts";
import { declareValue, type OpenType, readType } from "./type-proto.ts";

/** A dimension of a graph input whose size is not fixed. */
export interface OpenDimension {
  readonly input: string;
  /** Position in the shape; `null` if not even the rank is known. */
  readonly axis: number | null;
  /** Dimensions of one symbol have one size; `null` for a dimension without. */
  readonly symbol: string | null;
}

/** Lists the open dimensions of the graph inputs, in their order. */
export function openDimensions(model: OnnxModel): OpenDimension[] {
  return tensorInputs(model).flatMap(({ name, type }): OpenDimension[] => {
    if (type.shape === null) return [{ input: name, axis: null, symbol: null }];
    return type.shape.flatMap((size, axis) =>
      typeof size === "number" ? [] : [{ input: name, axis, symbol: size === "" ? null : size }],
    );
  });
}

/**
 * Gives graph inputs their shapes. A symbol gets its size wherever it occurs in the main graph;
 * graph outputs whose declared shape stays open lose that shape, so that inference finds it.
 *
 * @param shapes by graph input; inputs that are left out keep their open dimensions, except those of
 * symbols that others bind
 * @throws TENSOR_UNKNOWN for a name that is no graph input; TENSOR_SHAPE_MISMATCH for a shape that
 * contradicts a fixed dimension or another shape
 */
export function bindShapes(
  model: OnnxModel,
  shapes: Readonly<Record<string, readonly number[]>>,
): OnnxModel {
  const inputs = new Map(tensorInputs(model).map(({ name, type }) => [name, type]));
  const sizeBySymbol = new Map<string, number>();
  for (const [name, shape] of Object.entries(shapes)) {
    const type = inputs.get(name);
    if (type === undefined) {
      throw new CodedError(
        "TENSOR_UNKNOWN",
        `the model has no input '${name}'; it has ${[...inputs.keys()].join(", ")}`,
        { tensor: name },
      );
    }
    bindSymbols(name, type, shape, sizeBySymbol);
  }
  const { input, output, valueInfo } = mainGraph(model.proto);
  const graph = {
    // An input may be named like a property that every object has.
    input: input.map((value) =>
      substitute(
        value,
        sizeBySymbol,
        Object.hasOwn(shapes, value.name) ? shapes[value.name] : undefined,
      ),
    ),
    output: output.map((value) => withoutOpenShape(substitute(value, sizeBySymbol))),
    valueInfo: valueInfo.map((value) => substitute(value, sizeBySymbol)),
  };
  return { proto: withGraph(model.proto, graph), weights: model.weights };
}

/**
 * @throws SHAPE_UNBOUND that lists every open dimension and how to bind it
 */
export function requireBound(model: OnnxModel): void {
  const open = openDimensions(model);
  if (open.length === 0) return;
  const inputs = tensorInputs(model).filter(({ name }) => open.some(({ input }) => input === name));
  const listed = inputs.map(({ name, type }) => `${name} ${describeShape(type)}`).join(", ");
  const hint = inputs.map(({ name, type }) => `--shape ${name}=${exampleShape(type)}`).join(" ");
  throw new CodedError(
    "SHAPE_UNBOUND",
    `the model leaves dimensions of its inputs open: ${listed}; give them sizes, for instance ${hint}`,
    { open, hint },
  );
}

/** Graph inputs that are tensors and no initialisers. */
export function tensorInputs(model: OnnxModel): { name: string; type: OpenType }[] {
  const graph = mainGraph(model.proto);
  const initialisers = new Set(initialiserNames(graph));
  return graph.input.flatMap(({ name, type: declared }) => {
    const type = declared?.value.case === "tensorType" ? readType(declared) : null;
    return type === null || initialisers.has(name) ? [] : [{ name, type }];
  });
}

function bindSymbols(
  name: string,
  type: OpenType,
  shape: readonly number[],
  sizeBySymbol: Map<string, number>,
): void {
  const declared = type.shape ?? shape.map(() => "");
  const mismatch = (reason: string): CodedError =>
    new CodedError(
      "TENSOR_SHAPE_MISMATCH",
      `shape [${shape.join(", ")}] does not fit input '${name}' ${describeShape(type)}: ${reason}`,
      { tensor: name, observed: shape, expected: declared },
    );
  if (declared.length !== shape.length) {
    throw mismatch(`${shape.length} dimensions are given, ${declared.length} are needed`);
  }
  shape.forEach((size, axis) => {
    if (!Number.isSafeInteger(size) || size < 0) throw mismatch(`${size} is no size`);
    const expected = declared[axis] ?? "";
    if (typeof expected === "number") {
      if (expected !== size) throw mismatch(`dimension ${axis} is fixed to ${expected}`);
    } else if (expected !== "") {
      const bound = sizeBySymbol.get(expected) ?? size;
      if (bound !== size) throw mismatch(`'${expected}' is ${bound} already`);
      sizeBySymbol.set(expected, size);
    }
  });
}

/** Writes known sizes into a declared type. @param shape the whole shape, if it is given */
function substitute(
  value: ValueInfoProto,
  sizeBySymbol: ReadonlyMap<string, number>,
  shape?: readonly number[],
): ValueInfoProto {
  const type = openTensor(value.type);
  if (type === null) return value;
  const bound = type.shape?.map((size) =>
    typeof size === "number" ? size : (sizeBySymbol.get(size) ?? size),
  );
  return retyped(value, { dataType: type.dataType, shape: shape ?? bound ?? null });
}

function withoutOpenShape(value: ValueInfoProto): ValueInfoProto {
  const type = openTensor(value.type);
  return type === null ? value : retyped(value, { dataType: type.dataType, shape: null });
}

/** The type of a tensor with open dimensions; `null` for every other. */
function openTensor(declared: TypeProto | undefined): OpenType | null {
  if (declared?.value.case !== "tensorType") return null;
  const type = readType(declared);
  const open = type?.shape?.some((size) => typeof size === "string") ?? true;
  return open ? type : null;
}

function retyped(value: ValueInfoProto, type: OpenType): ValueInfoProto {
  const { type: bound } = declareValue(value.name, type);
  return bound === undefined ? value : withFields(value, { type: bound });
}

/** `[N, 3, ?, 224]`. */
export function describeShape({ shape }: OpenType): string {
  if (shape === null) return "of unknown rank";
  return `[${shape.map((size) => (size === "" ? "?" : size)).join(", ")}]`;
}

/** Sizes that images and sequences often have; only a suggestion. */
function exampleShape({ shape }: OpenType): string {
  const usual = shape?.length === 4 ? [1, 3, 320, 320] : [1, 128, 64];
  return (shape ?? [1])
    .map((size, axis) => (typeof size === "number" ? size : (usual[axis] ?? 1)))
    .join();
}
