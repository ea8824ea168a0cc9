/**
 * The thread of a session, or of several that never run at once: each comes with a port; nothing instead
 * of a port ends the thread. ONNX Runtime blocks its thread in `create` and `run`. Serves the requests of
 * a session in order; buffers are transferred both ways.
 *
 * @module
 */
import { basename } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type MessagePort, parentPort } from "node:worker_threads";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { discard } from "../base/discard.ts";
import { messageOf } from "../base/errors.ts";
import { packStrings, stringElements } from "../graph/string-value.ts";
import { bytesPerElement, type TensorValue } from "../graph/tensor-value.ts";
import { atLowPriority } from "./low-priority.node.ts";
import type { TensorValues } from "./runtime.ts";
import type {
  LoadRequest,
  RunTime,
  RuntimeTensor,
  SessionReply,
  SessionRequest,
} from "./session-protocol.ts";

type Elements =
  | BigInt64ArrayConstructor
  | BigUint64ArrayConstructor
  | Float32ArrayConstructor
  | Float64ArrayConstructor
  | Int16ArrayConstructor
  | Int32ArrayConstructor
  | Int8ArrayConstructor
  | Uint16ArrayConstructor
  | Uint32ArrayConstructor
  | Uint8ArrayConstructor;

/** Float16 stays in 16-bit words: Node 20 has no such array, and the runtime takes both. */
const arrays: Readonly<Record<string, Elements>> = {
  bool: Uint8Array,
  float16: Uint16Array,
  float32: Float32Array,
  float64: Float64Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  int8: Int8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  uint64: BigUint64Array,
  uint8: Uint8Array,
};

const gate = parentPort;
gate?.on("message", (port: MessagePort | null) => {
  if (port === null) gate.close();
  else serve(port);
});

function serve(port: MessagePort): void {
  const reply = (message: SessionReply, transfer: ArrayBuffer[] = []) =>
    port.postMessage(message, transfer);
  let session: InferenceSession | null = null;
  let last: Promise<void> = Promise.resolve();
  port.on("message", (message: SessionRequest) => {
    last = last.then(async () => {
      try {
        if (message.type === "load") {
          // Whoever computes goes first: a device that serves may have little left for this.
          session = await atLowPriority(() => create(message));
          reply(describeSession(session));
        } else if (session !== null) {
          await answer(session, message, reply);
        }
      } catch (error) {
        reply({ type: "failed", message: messageOf(error) });
      }
      if (session === null || message.type === "release") port.close();
      if (message.type === "load" && message.weights.length > 0) setImmediate(collectGarbage);
    });
  });
}

function describeSession(session: InferenceSession): SessionReply {
  return {
    type: "loaded",
    inputs: session.inputMetadata.map(describe),
    outputs: session.outputMetadata.map(describe),
  };
}

/** Not made before it is needed: the flag changes the whole process. */
let collector: (() => void) | null = null;

/**
 * Frees what nothing refers to any more: the weights that the runtime has copied, outputs that nobody
 * took. Nothing else in an idle thread makes the collector run.
 */
function collectGarbage(): void {
  if (collector === null) {
    setFlagsFromString("--expose-gc");
    collector = runInNewContext("gc") as () => void;
  }
  collector();
}

async function create(request: LoadRequest): Promise<InferenceSession> {
  const { skeleton, weights, threads, thrifty, level, optimisedPath, profilePrefix } = request;
  // The library tells a path from bytes by its own overloads.
  return await InferenceSession.create(skeleton as string, {
    graphOptimizationLevel: level,
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    logSeverityLevel: 4,
    externalData: weights.map(({ path, data }) => ({ path, data })),
    ...(thrifty === true ? { enableCpuMemArena: false, enableMemPattern: false } : {}),
    ...(optimisedPath === undefined ? {} : { optimizedModelFilePath: optimisedPath }),
    ...(profilePrefix === undefined
      ? {}
      : { enableProfiling: true, profileFilePrefix: profilePrefix }),
    // A thread that spins while it waits takes the processor from the other stages of this machine.
    extra: {
      session: {
        // Weights that are rearranged stand in memory of their own; as they are, files are only mapped.
        ...(thrifty === true ? { disable_prepacking: "1" } : {}),
        intra_op: { allow_spinning: "0" },
        // A message holds at most 2 GiB, so that weights are written beside it.
        ...(optimisedPath === undefined
          ? {}
          : { optimized_model_external_initializers_file_name: `${basename(optimisedPath)}.data` }),
      },
    },
  });
}

function describe(metadata: InferenceSession.ValueMetadata): RuntimeTensor {
  const { name } = metadata;
  if (!metadata.isTensor) return { name, dataType: null, shape: [] };
  return { name, dataType: metadata.type ?? null, shape: metadata.shape };
}

async function answer(
  session: InferenceSession,
  message: Exclude<SessionRequest, LoadRequest>,
  reply: (message: SessionReply, transfer?: ArrayBuffer[]) => void,
): Promise<void> {
  if (message.type === "release") {
    session.endProfiling();
    await session.release();
    reply({ type: "released" });
    return;
  }
  const feeds = Object.fromEntries(
    Object.entries(message.inputs).map(([name, value]) => [name, toRuntime(value)]),
  );
  if (message.type === "repeat") {
    reply({ type: "repeated", times: await repeat(session, feeds, message) });
    return;
  }
  const { results, time } = await timedRun(session, feeds);
  const outputs: TensorValues = Object.fromEntries(
    Object.entries(results).map(([name, tensor]) => [name, fromRuntime(tensor)]),
  );
  const buffers = new Set(Object.values(outputs).map(({ data }) => data.buffer));
  for (const { data } of Object.values(message.inputs))
    if (!buffers.has(data.buffer)) discard(data);
  reply({ type: "ran", outputs, time }, [...buffers]);
}

async function repeat(
  session: InferenceSession,
  feeds: InferenceSession.FeedsType,
  { atLeast, atMost, seconds, stop }: Extract<SessionRequest, { readonly type: "repeat" }>,
): Promise<RunTime[]> {
  const times: RunTime[] = [];
  const start = performance.now();
  while (
    Atomics.load(stop, 0) === 0 &&
    times.length < atMost &&
    (times.length < atLeast || performance.now() - start < seconds * 1000)
  ) {
    // As in a long run of requests, outputs find memory that was used before: fresh pages cost more.
    if (times.length % 5 === 0) collectGarbage();
    times.push((await timedRun(session, feeds)).time);
  }
  return times;
}

async function timedRun(
  session: InferenceSession,
  feeds: InferenceSession.FeedsType,
): Promise<{ results: InferenceSession.ReturnType; time: RunTime }> {
  const processorBefore = process.cpuUsage();
  const before = performance.now();
  const results = await session.run(feeds);
  const wall = (performance.now() - before) / 1000;
  const { user, system } = process.cpuUsage(processorBefore);
  return { results, time: { wall, processor: (user + system) / 1e6 } };
}

function toRuntime({ dataType, shape, data }: TensorValue): Tensor {
  if (dataType === "string") {
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    const texts = Array.from(stringElements("", data), (element) => decoder.decode(element));
    return new Tensor("string", texts, shape);
  }
  const elements = arrays[dataType];
  if (elements === undefined) throw new Error(`the runtime takes no ${dataType} tensors`);
  const count = data.byteLength / elements.BYTES_PER_ELEMENT;
  const view = new elements(data.buffer, data.byteOffset, count);
  return new Tensor(dataType as "float32", view as Float32Array<ArrayBuffer>, shape);
}

function fromRuntime(tensor: Tensor): TensorValue {
  const { type, dims, data } = tensor;
  if (type === "string") {
    const encoder = new TextEncoder();
    const elements = (data as readonly string[]).map((text) => encoder.encode(text));
    return { dataType: type, shape: dims, data: packStrings(elements) };
  }
  if (!ArrayBuffer.isView(data) || bytesPerElement(type) === null) {
    throw new Error(`the runtime gave a ${type} tensor, which has no bytes of a fixed width`);
  }
  const view = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
  return { dataType: type, shape: dims, data: view };
}
