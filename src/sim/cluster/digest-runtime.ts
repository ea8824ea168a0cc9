import type { Clock } from "../../base/clock.ts";
import { seconds } from "../../base/units.ts";
import type { Graph } from "../../graph/graph.ts";
import { joinRows, rowsOf, splitRows } from "../../graph/row-value.ts";
import type { TensorValue } from "../../graph/tensor-value.ts";
import { createBuilder } from "../../onnx/build.ts";
import { mainGraph } from "../../onnx/message.ts";
import type { OnnxModel } from "../../onnx/model.ts";
import { inlineBytes } from "../../onnx/tensor-data.ts";
import type { Runtime, TensorValues } from "../../runtime/runtime.ts";
import { readSignature } from "../../runtime/signature.ts";
import { Digest } from "./digest.ts";
import { digestPicture } from "./picture-digest.ts";

const encoder = new TextEncoder();

/**
 * A runtime that runs any graph: what a node makes is a digest of its name, its weights and all that
 * it reads, so that a tensor that is missing, stale or of another request changes the answer. It
 * spoils its inputs' buffers, as a real one takes them away. Of a model that reads pictures it makes
 * pictures, a digest for each position, so that it runs tiles, too; of one that reads rows [rows, bytes]
 * a digest for each row.
 *
 * @param secondsOf how long a node takes
 * @param bytesOf how long a tensor that a node makes is, at least one digest
 */
export function createDigestRuntime(
  clock: Clock,
  secondsOf: (node: string) => number = () => 0,
  name = "digest 1",
  bytesOf: (tensor: string) => number = () => 32,
): Runtime {
  return {
    name,
    load: async (model) => {
      const { inputs, outputs } = readSignature(model);
      const weights = new Map(
        [...model.weights].map(
          ([name, bytes]) => [name, new Digest().update(bytes).digest()] as const,
        ),
      );
      return {
        inputs,
        outputs,
        run: async (values) => {
          const own = Object.fromEntries(
            Object.entries(values).map(([tensor, value]) => [tensor, takenFrom(value)]),
          );
          const { node } = mainGraph(model.proto);
          const cost = node.reduce((sum, one) => sum + secondsOf(one.name), 0);
          if (cost > 0) await clock.sleep(seconds(cost));
          const digest = (single: TensorValues) => digestGraph(model, weights, single, bytesOf);
          const rank = Math.max(0, ...Object.values(own).map(({ shape }) => shape.length));
          const outputs =
            rank === 4
              ? digestPictures(model, own)
              : rank === 2
                ? eachRow(own, digest)
                : digest(own);
          return { outputs, computeSeconds: seconds(cost) };
        },
        release: async () => undefined,
      };
    },
  };
}

function takenFrom({ data: { buffer }, ...type }: TensorValue): TensorValue {
  const bytes = new Uint8Array(buffer);
  const data = bytes.slice();
  bytes.fill(0xee);
  return { ...type, data };
}

/** What is made of each row by itself, put together again. */
function eachRow(
  inputs: TensorValues,
  digest: (single: TensorValues) => TensorValues,
): TensorValues {
  const [count = 0] = Object.values(inputs).map(rowsOf);
  const ones = Array.from({ length: count }, () => 1);
  const rows = Object.entries(inputs).map(
    ([name, value]) => [name, splitRows(value, ones)] as const,
  );
  const made = ones.map((_, row) =>
    digest(Object.fromEntries(rows.map(([name, values]) => [name, values[row] as TensorValue]))),
  );
  const names = Object.keys(made[0] ?? {});
  return Object.fromEntries(
    names.map((name) => {
      const values = made.map((one) => one[name] as TensorValue);
      return [name, joinRows(values.map((value) => ({ ...value, shape: [1, ...value.shape] })))];
    }),
  );
}

function digestPictures(model: OnnxModel, inputs: TensorValues): TensorValues {
  const { node, output, initializer } = mainGraph(model.proto);
  const known = new Map(Object.entries(inputs));
  for (const tensor of initializer) {
    const data = new Uint8Array(model.weights.get(tensor.name) ?? inlineBytes(tensor));
    known.set(tensor.name, { dataType: "", shape: [], data });
  }
  const read = (name: string): TensorValue => {
    const value = known.get(name);
    if (value === undefined) throw new Error(`a node runs without '${name}'`);
    return value;
  };
  for (const one of node) known.set(one.output[0] ?? "", digestPicture(one, read));
  // Each in a buffer of its own.
  const copied = ({ data, ...type }: TensorValue): TensorValue => ({ ...type, data: data.slice() });
  return Object.fromEntries(output.map(({ name }) => [name, copied(read(name))]));
}

function digestGraph(
  model: OnnxModel,
  weights: ReadonlyMap<string, Uint8Array>,
  inputs: TensorValues,
  bytesOf: (tensor: string) => number,
): TensorValues {
  const given = Object.entries(inputs).map(([name, { data }]) => [name, data] as const);
  const known = new Map<string, Uint8Array>([...given, ...weights]);
  const { node, output } = mainGraph(model.proto);
  for (const one of node) {
    for (const made of one.output) {
      const hash = new Digest().update(encoder.encode(`${one.name} ${made}`));
      for (const read of one.input) {
        const bytes = known.get(read);
        if (bytes === undefined) throw new Error(`node '${one.name}' runs without '${read}'`);
        hash.update(bytes);
      }
      known.set(made, stretched(hash.digest(), bytesOf(made)));
    }
  }
  return Object.fromEntries(output.map(({ name }) => [name, byteTensor(known.get(name))]));
}

/** A digest, again and again up to a length. */
function stretched(digest: Uint8Array, bytes: number): Uint8Array {
  if (bytes === digest.length) return digest;
  const long = new Uint8Array(bytes);
  for (let offset = 0; offset < bytes; offset += digest.length) {
    long.set(digest.subarray(0, bytes - offset), offset);
  }
  return long;
}

/** A vector of bytes, in a buffer of its own. */
export function byteTensor(bytes: Uint8Array | readonly number[] = []): TensorValue {
  const data = new Uint8Array(bytes);
  return { dataType: "uint8", shape: [data.length], data };
}

/** A model whose nodes and tensors are those of a graph; every node has a weight of its own. */
export function modelOfGraph(graph: Graph, weightBytes = 2048): OnnxModel {
  const builder = createBuilder({ name: graph.name });
  for (const name of graph.inputs) builder.input(name, "uint8");
  graph.nodes.forEach(({ name, inputs, outputs }, position) => {
    const values = new Uint8Array(weightBytes).fill(position);
    const weight = builder.weight(`w:${name}`, [weightBytes], values, "uint8");
    // A node that reads constants only would be one itself; a random one is not.
    if (inputs.length === 0) builder.node("RandomUniform", [weight], { name, outputs });
    else builder.node("Op", [...inputs, weight], { name, outputs });
  });
  for (const name of graph.outputs) builder.output(name, "uint8");
  return builder.build();
}
