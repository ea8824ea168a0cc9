/**
 * Writes ONNX models in code: for the zoo and for tests.
 *
 * @module
 */
import { create } from "@bufbuild/protobuf";
import {
  type FunctionProto,
  FunctionProtoSchema,
  type GraphProto,
  GraphProtoSchema,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  TensorProtoSchema,
} from "onnx-buf";
import { type AttributeValue, attribute, tensor, type Values, valueInfo } from "./build-tensor.ts";
import { dataTypeNumber } from "./data-type.ts";
import type { OnnxModel } from "./model.ts";

/** Initialisers of this many bytes or more keep their data outside of the skeleton. */
const largeBytes = 1024;

export interface BuilderOptions {
  readonly name: string;
  /** Version of the standard operators. Default 17. */
  readonly opset?: number;
  /** Versions of other operator domains that nodes use. */
  readonly domains?: Readonly<Record<string, number>>;
}

export interface NodeOptions {
  /** Default: the operator and a number that make it unique; `""` leaves the node without one. */
  readonly name?: string;
  readonly domain?: string;
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
}

export interface OneOutput extends NodeOptions {
  readonly output?: string;
}

export interface ManyOutputs extends NodeOptions {
  /** Their names, or their count; `""` for an optional output that is absent. */
  readonly outputs: number | readonly string[];
}

/** A function that nodes call by its domain and name. */
export interface FunctionOptions {
  readonly domain: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

/** Sizes; a string is a dimension that is open. */
export type OpenShape = readonly (number | string)[];

/**
 * A graph that is being written. Tensors are known by name; nothing is checked but sizes, so that
 * wrong models can be written, too.
 */
export interface GraphBuilder {
  /** Declares an input of the graph; without a shape its rank is open as well. */
  input(name: string, dataType: string, shape?: OpenShape): string;
  /**
   * Adds an initialiser. Data types as in `tensor`.
   *
   * @throws TENSOR_SHAPE_MISMATCH if the values do not fill the shape
   */
  weight(name: string, shape: readonly number[], values: Values, dataType?: string): string;
  /** Adds an initialiser whose data is elsewhere: the model is only a skeleton. */
  declareWeight(name: string, shape: readonly number[], dataType: string): string;
  /**
   * Adds a node behind the ones there are.
   *
   * @param inputs `""` for an optional input that is absent
   * @returns the output's name: `output`, or one made from the node's name
   */
  node(operator: string, inputs: readonly string[], options?: OneOutput): string;
  /** Adds a node with several outputs (their names or their count) and returns their names. */
  node(operator: string, inputs: readonly string[], options: ManyOutputs): string[];
  /** Declares an output of the graph; `dataType` is `float32` by default. */
  output(name: string, dataType?: string, shape?: OpenShape): string;
  /** A graph for the attribute of an If, Loop or Scan; its nodes may read the tensors of this one. */
  subgraph(name: string, write: (graph: GraphBuilder) => void): GraphProto;
}

export interface ModelBuilder extends GraphBuilder {
  /** Adds a function to the model. */
  define(options: FunctionOptions, write: (body: GraphBuilder) => void): void;
  /** The model as written so far; its weights view the arrays that were given. */
  build(): OnnxModel;
}

/**
 * Starts a model.
 *
 * ```ts
 * const b = createBuilder({ name: "tiny" });
 * const x = b.input("x", "float32", ["N", 3, 8, 8]);
 * const w = b.weight("w", [4, 3, 3, 3], new Float32Array(108));
 * const y = b.node("Conv", [x, w], { name: "conv", attributes: { pads: [1, 1, 1, 1] } });
 * b.output(b.node("LeakyRelu", [y], { attributes: { alpha: float(0.1) } }));
 * const model = b.build();
 * ```
 */
export function createBuilder({ name, opset = 17, domains = {} }: BuilderOptions): ModelBuilder {
  const weights = new Map<string, Uint8Array>();
  const taken = new Set<string>();
  const functions: FunctionProto[] = [];
  const graph = create(GraphProtoSchema, { name });
  const opsetImport = Object.entries({ "": opset, ...domains }).map(([domain, version]) => ({
    domain,
    version: BigInt(version),
  }));
  const define = (options: FunctionOptions, write: (body: GraphBuilder) => void): void => {
    const body = create(GraphProtoSchema);
    write(graphBuilder(body, null, new Set(options.inputs)));
    functions.push(
      create(FunctionProtoSchema, {
        name: options.name,
        domain: options.domain,
        input: [...options.inputs],
        output: [...options.outputs],
        node: body.node,
        opsetImport,
      }),
    );
  };
  const build = (): OnnxModel => ({
    proto: create(ModelProtoSchema, {
      irVersion: opset <= 18 ? 8n : 10n,
      producerName: "partita",
      opsetImport,
      graph,
      functions,
    }),
    weights,
  });
  return { ...graphBuilder(graph, weights, taken), define, build };
}

/** Writes into `graph`; without `weights` all data stays inside. `taken` are the tensors' names. */
function graphBuilder(
  graph: GraphProto,
  weights: Map<string, Uint8Array> | null,
  taken: Set<string>,
): GraphBuilder {
  const named = new Set<string>();
  function node(operator: string, inputs: readonly string[], options?: OneOutput): string;
  function node(operator: string, inputs: readonly string[], options: ManyOutputs): string[];
  function node(
    operator: string,
    inputs: readonly string[],
    options: OneOutput | ManyOutputs = {},
  ): string | string[] {
    const name = options.name ?? free(operator, named);
    named.add(name);
    const base = `${name === "" ? operator : name}_output`;
    const outputs = "outputs" in options ? options.outputs : [options.output ?? free(base, taken)];
    const made = typeof outputs === "number" ? freeMany(base, outputs, taken) : [...outputs];
    for (const tensor of made) taken.add(tensor);
    graph.node.push(nodeProto(operator, name, inputs, made, options));
    return "outputs" in options ? made : (made[0] as string);
  }
  const claim = (name: string): string => {
    taken.add(name);
    return name;
  };
  return {
    node,
    input: (name, dataType, shape) => {
      graph.input.push(valueInfo(name, dataType, shape));
      return claim(name);
    },
    output: (name, dataType = "float32", shape = undefined) => {
      graph.output.push(valueInfo(name, dataType, shape));
      return name;
    },
    weight: (name, shape, values, dataType) => {
      const whole = tensor(shape, values, dataType, name);
      if (weights !== null && whole.rawData.byteLength >= largeBytes) {
        weights.set(name, whole.rawData);
        whole.rawData = new Uint8Array();
      }
      graph.initializer.push(whole);
      return claim(name);
    },
    declareWeight: (name, shape, dataType) => {
      const declared = { name, dims: shape.map(BigInt), dataType: dataTypeNumber(dataType) };
      graph.initializer.push(create(TensorProtoSchema, declared));
      return claim(name);
    },
    subgraph: (name, write) => {
      const inner = create(GraphProtoSchema, { name });
      write(graphBuilder(inner, null, new Set(taken)));
      return inner;
    },
  };
}

function nodeProto(
  operator: string,
  name: string,
  inputs: readonly string[],
  outputs: readonly string[],
  { domain = "", attributes = {} }: NodeOptions,
): NodeProto {
  return create(NodeProtoSchema, {
    name,
    opType: operator,
    domain,
    input: [...inputs],
    output: [...outputs],
    attribute: Object.entries(attributes).map(([key, value]) => attribute(key, value)),
  });
}

/** `base`, or the first of `base_1`, `base_2`, … that is not taken. */
function free(base: string, taken: ReadonlySet<string>): string {
  let name = base;
  for (let suffix = 1; taken.has(name); suffix++) name = `${base}_${suffix}`;
  return name;
}

function freeMany(base: string, count: number, taken: ReadonlySet<string>): string[] {
  return Array.from({ length: count }, (_, position) => free(`${base}${position}`, taken));
}
