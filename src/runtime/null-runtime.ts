/**
 * A runtime that computes nothing and takes a fixed time, to test whatever stands around a runtime.
 *
 * @module
 */
import type { Clock } from "../base/clock.ts";
import { CodedError } from "../base/errors.ts";
import { createRandom } from "../base/random.ts";
import { type Seconds, seconds } from "../base/units.ts";
import { packStrings } from "../graph/string-value.ts";
import { bytesPerElement, elementCount, type TensorValue } from "../graph/tensor-value.ts";
import { mainGraph } from "../onnx/message.ts";
import type { OnnxModel } from "../onnx/model.ts";
import { readsOf } from "../onnx/structure.ts";
import type { Runtime, Session, TensorValues } from "./runtime.ts";
import { checkInputs, type DeclaredTensor, readSignature, type Signature } from "./signature.ts";

export interface NullRuntimeOptions {
  readonly clock: Clock;
  /** What each node of a part takes. */
  readonly nodeSeconds: Seconds;
}

/**
 * Outputs are pseudo-random numbers of the declared types that depend on every byte of the inputs
 * they are made from, on the nodes in between and on nothing else. A tensor carries its seed in its
 * first bytes, so that a split gives the same bytes as the whole wherever the tensors on the cuts
 * have at least four bytes and are no `bool`. An open dimension gets its size from an input with the
 * same symbol, else 1.
 */
export function createNullRuntime({ clock, nodeSeconds }: NullRuntimeOptions): Runtime {
  return {
    name: "null",
    load: async (model) => openSession(model, clock, nodeSeconds),
  };
}

function openSession(model: OnnxModel, clock: Clock, nodeSeconds: Seconds): Session {
  const signature = readSignature(model);
  for (const { name, dataType } of [...signature.inputs, ...signature.outputs]) {
    if (bytesPerElement(dataType) !== null || dataType === "string") continue;
    const message = `'${name}' has the type ${dataType}, which cannot be passed into or out of a part`;
    throw new CodedError("ONNX_UNSUPPORTED", message, { tensor: name, dataType });
  }
  const duration = seconds(mainGraph(model.proto).node.length * nodeSeconds);
  let isReleased = false;
  let last: Promise<void> = Promise.resolve();
  return {
    inputs: signature.inputs,
    outputs: signature.outputs,
    run: async (inputs) => {
      if (isReleased) throw new CodedError("RUNTIME_FAILED", "the session was released");
      checkInputs(signature.inputs, inputs);
      const outputs = compute(model, signature, inputs);
      const turn = last.then(() => clock.sleep(duration));
      last = turn;
      await turn;
      return { outputs, computeSeconds: duration };
    },
    release: async () => {
      isReleased = true;
      await last;
    },
  };
}

function compute(model: OnnxModel, { outputs }: Signature, inputs: TensorValues): TensorValues {
  const seeds = new Map(Object.entries(inputs).map(([name, value]) => [name, seedOf(value)]));
  for (const node of mainGraph(model.proto).node) {
    const feeding = readsOf(node).map((name) => seeds.get(name) ?? hash(name));
    const text = `${node.opType} ${feeding.join()}`;
    for (const name of node.output) seeds.set(name, hash(`${text} ${name}`));
  }
  const sizes = symbolSizes(model, inputs);
  return Object.fromEntries(
    outputs.map((output) => {
      const passed = inputs[output.name];
      if (passed !== undefined) return [output.name, passed];
      return [output.name, makeTensor(output, sizes, seeds.get(output.name) ?? hash(output.name))];
    }),
  );
}

function symbolSizes(model: OnnxModel, inputs: TensorValues): Map<string, number> {
  return new Map(
    readSignature(model).inputs.flatMap(({ name, shape }) =>
      shape.flatMap((size, axis): [string, number][] => {
        const observed = inputs[name]?.shape[axis];
        return typeof size === "string" && observed !== undefined ? [[size, observed]] : [];
      }),
    ),
  );
}

function makeTensor(
  { dataType, shape }: DeclaredTensor,
  sizes: ReadonlyMap<string, number>,
  seed: number,
): TensorValue {
  const known = shape.map((size) => (typeof size === "number" ? size : (sizes.get(size) ?? 1)));
  if (dataType === "string") {
    const texts = Array.from({ length: elementCount(known) }, (_, at) => `${seed} ${at}`);
    const encoder = new TextEncoder();
    return { dataType, shape: known, data: packStrings(texts.map((text) => encoder.encode(text))) };
  }
  const data = new Uint8Array(elementCount(known) * (bytesPerElement(dataType) ?? 0));
  fill(data, seed);
  if (dataType === "bool") for (const [at, byte] of data.entries()) data[at] = byte & 1;
  return { dataType, shape: known, data };
}

/** Bytes below 64, so that no float is infinite or no number. */
const byteMask = 0x3f;
const seedMask = 0x3f3f3f3f;

/** The seed in the first four bytes, what follows from it behind. */
function fill(data: Uint8Array, seed: number): void {
  const random = createRandom(seed & seedMask);
  for (let at = 0; at < data.length; at++) {
    data[at] = at < 4 ? (seed >>> (8 * at)) & byteMask : random.integer(byteMask + 1);
  }
}

/** The seed of a tensor that `fill` has made; of any other, a hash of all its bytes. */
function seedOf({ data }: TensorValue): number {
  if (data.length >= 4) {
    const seed = [3, 2, 1, 0].reduce((bits, at) => (bits << 8) | (data[at] ?? 0), 0);
    const expected = new Uint8Array(data.length);
    fill(expected, seed);
    if (expected.every((byte, at) => byte === data[at])) return seed & seedMask;
  }
  return hashBytes(data) & seedMask;
}

function hash(text: string): number {
  return hashBytes(new TextEncoder().encode(text)) & seedMask;
}

/** FNV-1a, 32 bits, with the avalanche of MurmurHash3 at the end, since the mask drops upper bits. */
function hashBytes(data: Uint8Array): number {
  let bits = 0x811c9dc5;
  for (const byte of data) bits = Math.imul(bits ^ byte, 0x01000193);
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}
