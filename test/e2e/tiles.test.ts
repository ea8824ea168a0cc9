import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../src/base/clock.node.ts";
import { createRandom } from "../../src/base/random.ts";
import { bytes, seconds, secondsPerByte } from "../../src/base/units.ts";
import type { Topology } from "../../src/cost/topology.ts";
import { readTopology } from "../../src/cost/topology-file.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { heightOf } from "../../src/graph/tile.ts";
import type { Plan } from "../../src/plan/plan.ts";
import { createProblem } from "../../src/plan/problem.ts";
import type { TileStage } from "../../src/plan/tiles.ts";
import { compareTensors } from "../../src/runtime/compare.ts";
import { createOnnxRuntime } from "../../src/runtime/onnxruntime.node.ts";
import { prepareGraph } from "../../src/runtime/prepare.node.ts";
import type { TensorValues } from "../../src/runtime/runtime.ts";
import { tcpTransport } from "../../src/transport/tcp.node.ts";
import { zoo } from "../../src/zoo/zoo.ts";
import { connect, joinAgent, startCoordinator } from "../fixtures/cluster.ts";
import { planOf } from "../fixtures/plan-of.ts";

const names = ["camera", "left", "right"];
const topology = readTopology(`
format: partita.topology/1
devices: [{ name: camera }, { name: left }, { name: right }]
links:
  - { between: [camera, left], bandwidth: 1 Gbit/s }
  - { between: [camera, right], bandwidth: 1 Gbit/s }
  - { between: [left, right], bandwidth: 1 Gbit/s }
source: camera
`);

/** Two stages of all devices that are there, which exchange halos between them; the rest on the camera. */
function planFor(graph: Graph, left: Topology, ends: readonly string[]): Plan {
  const kind = {
    nodeSeconds: graph.nodes.map(() => seconds(0.001)),
    overheadSeconds: seconds(0),
    boundarySecondsPerByte: secondsPerByte(0),
    overheadBytes: bytes(0),
  };
  const profile = { format: "partita.profile/1", graph, devices: { here: kind } } as const;
  const problem = createProblem(profile, left, { type: "latency" }, { tiles: true });
  const { index } = problem;
  let start = 0;
  const tiles = ends.map((end): TileStage => {
    const last = index.nodeByName.get(end) as number;
    const nodes = index.graph.nodes.map((_, node) => node).slice(start, last + 1);
    start = last + 1;
    const height = heightOf(index, index.nodeOutputs[last]?.[0]);
    // The first has about half of what the others have.
    const weights = problem.devices.map((_, device) => (device === 0 ? 1 : 2));
    const all = weights.reduce((sum, weight) => sum + weight, 0);
    let from = 0;
    let share = 0;
    const rows = weights.map((weight) => {
      share += weight;
      const span = { from, to: Math.round((share * height) / all) };
      from = span.to;
      return span;
    });
    return { nodes, devices: weights.map((_, device) => device), rows };
  });
  const plan = planOf(
    problem,
    graph.nodes.map(() => "camera"),
    tiles,
  );
  if (plan === null) throw new Error("the plan is not allowed");
  return plan;
}

function randomPicture(seed: number, name: string, shape: readonly number[]): TensorValues {
  const random = createRandom(seed);
  const count = shape.reduce((product, size) => product * size, 1);
  const values = Float32Array.from({ length: count }, () => random.next() - 0.5);
  return { [name]: { dataType: "float32", shape, data: new Uint8Array(values.buffer) } };
}

test("three agents run tiles of a network at once, exchange halos, and lose one of them and no answer", async () => {
  const runtime = createOnnxRuntime();
  const model = zoo.resnet18.build({ width: 0.125, resolution: 64, classes: 10 });
  const prepared = await prepareGraph(model, { level: "extended", shapes: {} });
  const { graph } = prepared;
  const ends = ["layer1.1.relu", "layer2.1.relu"];
  const setting = { transport: tcpTransport, clock: systemClock, runtime };
  const problem = { index: { graph }, topology } as never;
  const coordinator = await startCoordinator(setting, problem, planFor(graph, topology, ends), {
    model: prepared.model,
    types: prepared.openTypes,
    replan: async (left) => planFor(graph, left, ends),
  });
  onTestFinished(() => coordinator.close());
  const agents = new Map<string, { close(): Promise<void> }>();
  for (const name of names) agents.set(name, await joinAgent(setting, coordinator, name));
  await coordinator.ready();
  const client = await connect(setting, coordinator);
  const [input] = client.inputs;
  const shape = (input?.shape ?? []).map((size) => Number(size) || 1);
  const ask = (seed: number) => client.infer(randomPicture(seed, input?.name ?? "", shape));
  const first = await Promise.all([1, 2, 3, 4, 5, 6].map(ask));
  const stages = new Set(first[5]?.timings.stages.map(({ stage, device }) => `${stage} ${device}`));
  expect(stages.size).toBe(7);
  const pending = [7, 8, 9, 10, 11, 12].map(ask);
  await agents.get("left")?.close();
  const answers = [...first, ...(await Promise.all(pending))];
  const whole = await runtime.load(prepared.model, { threads: 1 });
  for (const [position, { outputs }] of answers.entries()) {
    const expected = await whole.run(randomPicture(position + 1, input?.name ?? "", shape));
    for (const [name, value] of Object.entries(expected.outputs)) {
      const other = outputs[name];
      if (other === undefined) throw new Error(`answer ${position} lacks '${name}'`);
      expect(compareTensors(value, other).maxRelative).toBeLessThan(1e-5);
    }
  }
  await whole.release();
  await client.close();
});
