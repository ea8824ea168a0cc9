/**
 * What codecs do to the tensors of a graph on this machine, measured.
 *
 * @module
 */
import { type Codec, openCodecs } from "../codec/codec.ts";
import type { CodecCost, Graph } from "../graph/graph.ts";
import { type CodecCosts, keepUseful, leastRatio, sampleOf } from "./codec-cost.ts";
import { quantile } from "./fit.ts";
import { observeTensors } from "./observe.node.ts";
import { computeSeconds } from "./onnxruntime.node.ts";
import type { PreparedGraph } from "./prepare.node.ts";
import { sampleValues } from "./profile-graph.node.ts";
import type { TensorValues } from "./runtime.ts";

export interface CodecOptions {
  /**
   * Real values of the graph's inputs, whose codecs are measured then, too. Default: seeded ones, of
   * which nothing is to be learnt about the inputs themselves.
   */
  readonly inputs?: TensorValues | undefined;
  /** After this no further tensor is measured; default 10. */
  readonly seconds?: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (fraction: number) => void;
}

/** Smaller ones fit into a packet or two. */
const leastBytes = 1024;

/**
 * Of a tensor that is larger, a part is coded for the ratio, and a smaller one timed. Not much smaller:
 * what is coded and what comes out lies in memory that was never touched, which costs as in a run.
 */
const samples = { ratioBytes: 1 << 22, timedBytes: 1 << 20 } as const;

/** Values that are in memory at once. */
const groupBytes = 2 ** 26;

const repeats = 3;

/**
 * Measures each codec on what the tensors that may go over a link hold in one run of the graph: the
 * ratio, and processor seconds a byte as medians of three. Small tensors first, since those are worth
 * a cut. Seconds for most graphs.
 *
 * @returns by tensor the codecs that may pay on some link; nothing for a tensor without one
 * @throws the signal's reason; else as `Runtime.load` and `Session.run`
 */
export async function profileCodecs(
  prepared: PreparedGraph,
  options: CodecOptions = {},
): Promise<ReadonlyMap<string, CodecCosts>> {
  const { inputs, seconds = 10, signal, onProgress } = options;
  const codecs = [...(await openCodecs()).values()];
  const values: TensorValues = { ...Object.fromEntries(sampleValues(prepared)), ...inputs };
  const names = travelling(prepared.graph, inputs !== undefined);
  const found = new Map<string, CodecCosts>();
  const deadline = performance.now() + seconds * 1000;
  let done = 0;
  for (const group of inGroups(prepared.graph, names)) {
    signal?.throwIfAborted();
    if (performance.now() > deadline) break;
    const made = group.filter((name) => !Object.hasOwn(values, name));
    const observed = { ...values, ...(await observeTensors(prepared.model, made, values)) };
    for (const name of group) {
      const data = observed[name]?.data;
      if (performance.now() > deadline || data === undefined) continue;
      const costs = keepUseful(measureTensor(data, codecs));
      if (Object.keys(costs).length > 0) found.set(name, costs);
      done++;
      onProgress?.(done / names.length);
      // Lets the caller's signal and progress bar have their turn.
      await new Promise((resolve) => setImmediate(resolve));
      signal?.throwIfAborted();
    }
  }
  return found;
}

/** A graph with what was measured written into its tensors. */
export function withCodecCosts(graph: Graph, costs: ReadonlyMap<string, CodecCosts>): Graph {
  const tensors = graph.tensors.map((tensor) => {
    const codecs = costs.get(tensor.name);
    return codecs === undefined ? tensor : { ...tensor, codecs };
  });
  return { ...graph, tensors };
}

/** Names of tensors that are large enough and wanted by someone else than their maker, small ones first. */
function travelling(graph: Graph, withInputs: boolean): string[] {
  const wanted = new Set([...graph.outputs, ...graph.nodes.flatMap(({ inputs }) => inputs)]);
  return graph.tensors
    .filter(({ name, bytes }) => bytes >= leastBytes && wanted.has(name))
    .filter(({ name }) => withInputs || !graph.inputs.includes(name))
    .sort((a, b) => a.bytes - b.bytes)
    .map(({ name }) => name);
}

function inGroups(graph: Graph, names: readonly string[]): string[][] {
  const bytes = new Map(graph.tensors.map((tensor) => [tensor.name, tensor.bytes as number]));
  const groups: string[][] = [];
  let held = Number.POSITIVE_INFINITY;
  for (const name of names) {
    const own = bytes.get(name) ?? 0;
    if (held + own > groupBytes) {
      groups.push([]);
      held = 0;
    }
    groups.at(-1)?.push(name);
    held += own;
  }
  return groups;
}

function measureTensor(data: Uint8Array, codecs: readonly Codec[]): CodecCosts {
  const whole = sampleOf(data, samples.ratioBytes);
  const costs = codecs.flatMap((codec) => {
    const ratio = whole.byteLength / codec.encode(whole).byteLength;
    // What will not be kept need not be timed.
    return ratio < leastRatio ? [] : [[codec.name, measureCodec(data, codec, ratio)] as const];
  });
  return Object.fromEntries(costs);
}

function measureCodec(data: Uint8Array, { encode, decode }: Codec, ratio: number): CodecCost {
  const sample = sampleOf(data, samples.timedBytes);
  const coded = encode(sample);
  const encodeSeconds = timed(() => encode(sample));
  const decodeSeconds = timed(() => decode(coded, sample.byteLength));
  return {
    ratio,
    encodeSecondsPerByte: encodeSeconds / sample.byteLength,
    decodeSecondsPerByte: decodeSeconds / sample.byteLength,
  };
}

function timed(work: () => unknown): number {
  const times = Array.from({ length: repeats }, () => {
    const processorBefore = process.cpuUsage();
    const before = performance.now();
    work();
    const wall = (performance.now() - before) / 1000;
    const { user, system } = process.cpuUsage(processorBefore);
    return computeSeconds({ wall, processor: (user + system) / 1e6 }, 1);
  });
  return quantile(times, 0.5);
}
