/**
 * What the cluster adds to the runtime's own times, over loopback TCP between processes, unpaced:
 * the time of a hop, and how close a pipeline comes to its slowest stage. `npm run bench -- pipeline`.
 *
 * @module
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import Table from "cli-table3";
import { createRandom } from "../dist/base/random.js";
import { bytes, seconds, secondsPerByte } from "../dist/base/units.js";
import type { RequestTimings } from "../dist/cluster/data-message.js";
import { readTopology } from "../dist/cost/topology-file.js";
import { createBuilder } from "../dist/onnx/build.js";
import { evaluate } from "../dist/plan/evaluate.js";
import { makePlan } from "../dist/plan/make-plan.js";
import { createProblem } from "../dist/plan/problem.js";
import { prepareGraph } from "../dist/runtime/prepare.node.js";
import type { TensorValues } from "../dist/runtime/runtime.js";
import { runAgent, startCluster } from "./cluster/processes.ts";

/** Every tensor between nodes is a float32 matrix of this side: 1 MiB. */
const side = 512;
const here = fileURLToPath(import.meta.url);

if (process.argv[2] === "agent") await runAgent(process.argv[3] ?? "", process.argv[4] ?? "");
else await measureAll();

interface Chain extends AsyncDisposable {
  readonly window: number;
  /** One request after the other, or up to the window at once: the caller decides. */
  infer(): Promise<RequestTimings>;
}

/**
 * A chain of matrix products as processes on loopback.
 *
 * @param products of each device, in order
 * @param speed below 1: emulated
 */
async function startChain(products: readonly number[], speed = 1): Promise<Chain> {
  const names = products.map((_, device) => `d${device}`);
  const topology = readTopology(
    JSON.stringify({
      format: "partita.topology/1",
      devices: names.map((name) => ({ name, speed })),
      links: names.slice(1).map((to, device) => ({
        between: [names[device], to],
        bandwidth: "1000 Gbit/s",
      })),
      source: names[0],
      sink: "anywhere",
    }),
  );
  const total = products.reduce((sum, count) => sum + count, 0);
  const prepared = await prepareGraph(buildChain(total), { level: "basic" });
  const { graph } = prepared;
  const kind = {
    nodeSeconds: graph.nodes.map(() => seconds(0.005)),
    overheadSeconds: seconds(0),
    boundarySecondsPerByte: secondsPerByte(0),
    overheadBytes: bytes(0),
  };
  const profile = { format: "partita.profile/1", graph, devices: { here: kind } } as const;
  const problem = createProblem(profile, topology, { type: "throughput" });
  const placement = products.flatMap((count, device) => Array<number>(count).fill(device));
  const evaluation = evaluate(problem, placement);
  if (evaluation.type === "infeasible") throw new Error(evaluation.reason);
  const plan = makePlan(problem, { placement, value: evaluation.value, bound: null }, evaluation, {
    planner: "bench",
    optimalAmong: null,
    seed: 1,
    decisionSeconds: 0,
  });
  const cluster = await startCluster(here, prepared, topology, plan, speed < 1);
  const { client } = cluster;
  const inputs = randomInput();
  return {
    window: client.window,
    infer: async () => (await client.infer(inputs)).timings,
    [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
  };
}

function buildChain(products: number) {
  const random = createRandom(1);
  const builder = createBuilder({ name: "products" });
  let tensor = builder.input("x", "float32", [side, side]);
  for (let product = 0; product < products; product++) {
    const values = Float32Array.from({ length: side * side }, () => (random.next() - 0.5) / 8);
    const weight = builder.weight(`w${product}`, [side, side], values);
    tensor = builder.node("MatMul", [tensor, weight], { name: `product${product}` });
  }
  builder.output(tensor, "float32", [side, side]);
  return builder.build();
}

function randomInput(): TensorValues {
  const random = createRandom(2);
  const values = Float32Array.from({ length: side * side }, () => random.next() - 0.5);
  const data = new Uint8Array(values.buffer);
  return { x: { dataType: "float32", shape: [side, side], data } };
}

interface HopResult {
  readonly tensorBytes: number;
  readonly requests: number;
  /** Of a request: seconds beyond the runtime's own, on one device and on several. */
  readonly addedSecondsOneDevice: number;
  readonly addedSecondsAllDevices: number;
  /** From stage to stage, and the answer's way back to the first device, where requests live. */
  readonly hops: number;
  readonly addedSecondsPerHop: number;
}

/**
 * One request at a time, on one device and on four in turns of 25 requests: so both see the same
 * machine, and neither its processes asleep.
 */
async function measureHops(turns: number): Promise<HopResult> {
  await using one = await startChain([4]);
  await using four = await startChain([1, 1, 1, 1]);
  const added: { one: number[]; four: number[] } = { one: [], four: [] };
  for (let turn = -4; turn < turns; turn++) {
    for (const [name, cluster] of [
      ["one", one],
      ["four", four],
    ] as const) {
      for (let request = 0; request < 25; request++) {
        const seconds = addedSeconds(await cluster.infer());
        if (turn >= 0) added[name].push(seconds);
      }
    }
  }
  const [addedSecondsOneDevice, addedSecondsAllDevices] = [median(added.one), median(added.four)];
  return {
    tensorBytes: 4 * side * side,
    requests: added.four.length,
    addedSecondsOneDevice,
    addedSecondsAllDevices,
    hops: 4,
    addedSecondsPerHop: (addedSecondsAllDevices - addedSecondsOneDevice) / 4,
  };
}

function addedSeconds({ totalSeconds, stages }: RequestTimings): number {
  return totalSeconds - stages.reduce((sum, { computeSeconds }) => sum + computeSeconds, 0);
}

interface PipelineResult {
  readonly how: string;
  readonly products: readonly number[];
  readonly speed: number;
  readonly requests: number;
  /** The runtime's own figures, means over the same requests; stretched where a speed is emulated. */
  readonly stageSeconds: readonly number[];
  /** How long the slowest stage kept its device, handing over between threads included. */
  readonly busySeconds: number;
  readonly coresNeeded: number;
  readonly periodSeconds: number;
  /** (1 ÷ period) ÷ (1 ÷ slowest stage). */
  readonly shareOfSlowestStage: number;
  /** The same with `busySeconds`: what is lost between two runs, whatever else the machine does. */
  readonly shareOfBusyTime: number;
}

async function measurePipeline(
  how: string,
  products: readonly number[],
  speed: number,
  requests: number,
): Promise<PipelineResult> {
  await using chain = await startChain(products, speed);
  await Promise.all(Array.from({ length: 20 }, () => chain.infer()));
  const answered: { at: number; timings: RequestTimings }[] = [];
  await Promise.all(
    Array.from({ length: requests }, async () => {
      const timings = await chain.infer();
      answered.push({ at: performance.now() / 1000, timings });
    }),
  );
  // Without filling and draining, in which not all stages work.
  const steady = answered.slice(chain.window, -chain.window);
  const [first, last] = [steady[0]?.at ?? 0, steady.at(-1)?.at ?? 0];
  const periodSeconds = (last - first) / (steady.length - 1);
  const meanOf = (field: "busySeconds" | "computeSeconds") =>
    products.map((_, stage) =>
      mean(
        steady.map(({ timings }) => {
          const found = timings.stages.find((timing) => timing.stage === `s${stage}`);
          return found?.[field] ?? 0;
        }),
      ),
    );
  const computed = meanOf("computeSeconds");
  const busySeconds = Math.max(...meanOf("busySeconds"));
  const stageSeconds = computed.map((value) => value / speed);
  return {
    how,
    products,
    speed,
    requests,
    stageSeconds,
    busySeconds,
    coresNeeded: computed.reduce((sum, value) => sum + value, 0) / Math.max(...stageSeconds),
    periodSeconds,
    shareOfSlowestStage: Math.max(...stageSeconds) / periodSeconds,
    shareOfBusyTime: busySeconds / periodSeconds,
  };
}

async function measureAll(): Promise<void> {
  const hops = await measureHops(20);
  const pipelines = [
    await measurePipeline("light stages", [16, 1, 1], 1, 200),
    await measurePipeline("equal stages, speeds emulated", [2, 2, 2], 0.2, 200),
  ];
  const machine = `${cpus()[0]?.model ?? "unknown"} × ${cpus().length}, Node ${process.version}`;
  const command = "npm run bench -- pipeline";
  const measuredAt = new Date().toISOString();
  // From `dist-bench/`, where the compiled file lies.
  const folder = new URL("../bench/results/", import.meta.url);
  mkdirSync(folder, { recursive: true });
  const result = { command, measuredAt, machine, hops, pipelines };
  writeFileSync(new URL("pipeline.json", folder), `${JSON.stringify(result, null, 2)}\n`);
  print(hops, pipelines);
}

function print(hops: HopResult, pipelines: readonly PipelineResult[]): void {
  console.log(
    `added per hop of ${hops.tensorBytes / 2 ** 20} MiB: ${milliseconds(hops.addedSecondsPerHop)} ms (target 1 ms); beyond the runtime's own times, one device ${milliseconds(hops.addedSecondsOneDevice)} ms, four devices ${milliseconds(hops.addedSecondsAllDevices)} ms`,
  );
  const table = new Table({
    head: [
      "pipeline",
      "stages ms",
      "cores",
      "period ms",
      "of slowest stage (target 90 %)",
      "of its busy time",
    ],
  });
  for (const row of pipelines) {
    table.push([
      row.how,
      row.stageSeconds.map(milliseconds).join(" / "),
      row.coresNeeded.toFixed(2),
      milliseconds(row.periodSeconds),
      `${(100 * row.shareOfSlowestStage).toFixed(1)} %`,
      `${(100 * row.shareOfBusyTime).toFixed(1)} %`,
    ]);
  }
  console.log(table.toString());
}

function milliseconds(value: number): string {
  return (value * 1000).toFixed(3);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
