import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../src/base/clock.node.ts";
import { createRandom } from "../../src/base/random.ts";
import { readTopology } from "../../src/cost/topology-file.ts";
import { compareTensors } from "../../src/runtime/compare.ts";
import { createOnnxRuntime } from "../../src/runtime/onnxruntime.node.ts";
import { prepareGraph } from "../../src/runtime/prepare.node.ts";
import type { TensorValues } from "../../src/runtime/runtime.ts";
import { tcpTransport } from "../../src/transport/tcp.node.ts";
import { zoo } from "../../src/zoo/zoo.ts";
import { connect, joinAgent, startCoordinator } from "../fixtures/cluster.ts";
import { sharedPlan } from "../fixtures/shared-plan.ts";

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
  const coordinator = await startCoordinator(setting, problem, sharedPlan(graph, topology, ends), {
    model: prepared.model,
    types: prepared.openTypes,
    replan: async (left) => sharedPlan(graph, left, ends),
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
