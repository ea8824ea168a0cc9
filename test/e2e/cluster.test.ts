import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../src/base/clock.node.ts";
import { createRandom } from "../../src/base/random.ts";
import { bytes, seconds, secondsPerByte } from "../../src/base/units.ts";
import { Agent } from "../../src/cluster/agent.ts";
import { connectClient } from "../../src/cluster/client.ts";
import { Coordinator } from "../../src/cluster/coordinator.ts";
import { readTopology } from "../../src/cost/topology-file.ts";
import { createBuilder } from "../../src/onnx/build.ts";
import type { OnnxModel } from "../../src/onnx/model.ts";
import type { Plan } from "../../src/plan/plan.ts";
import { createProblem } from "../../src/plan/problem.ts";
import { createOnnxRuntime } from "../../src/runtime/onnxruntime.node.ts";
import { type PreparedGraph, prepareGraph } from "../../src/runtime/prepare.node.ts";
import type { TensorValues } from "../../src/runtime/runtime.ts";
import { tcpTransport } from "../../src/transport/tcp.node.ts";
import { planOf } from "../fixtures/plan-of.ts";

const topology = readTopology(`
format: partita.topology/1
devices: [{ name: camera }, { name: gateway, profile: none }, { name: cloud }]
links:
  - { between: [camera, gateway], bandwidth: 1 Gbit/s }
  - { between: [gateway, cloud], bandwidth: 1 Gbit/s }
source: camera
sink: camera
`);

/** Four matrix products with a bypass; the batch is open. */
function buildModel(): OnnxModel {
  const random = createRandom(7);
  const builder = createBuilder({ name: "four" });
  let tensor = builder.input("x", "float32", ["N", 32]);
  const first = tensor;
  for (const name of ["one", "two", "three", "four"]) {
    const values = Float32Array.from({ length: 1024 }, () => random.next() - 0.5);
    const weight = builder.weight(`w_${name}`, [32, 32], values);
    tensor = builder.node("Tanh", [builder.node("MatMul", [tensor, weight], { name })], {
      name: `tanh_${name}`,
    });
  }
  builder.output(builder.node("Add", [tensor, first], { name: "sum", output: "y" }), "float32", [
    "N",
    32,
  ]);
  return builder.build();
}

function planFor({ graph }: PreparedGraph, deviceOf: (node: string) => string): Plan {
  const kind = {
    nodeSeconds: graph.nodes.map(() => seconds(0.001)),
    overheadSeconds: seconds(0),
    boundarySecondsPerByte: secondsPerByte(0),
    overheadBytes: bytes(0),
  };
  const profile = { format: "partita.profile/1", graph, devices: { here: kind } } as const;
  const problem = createProblem(profile, topology, { type: "latency" });
  const plan = planOf(
    problem,
    graph.nodes.map(({ name }) => deviceOf(name)),
  );
  if (plan === null) throw new Error("the plan is not allowed");
  return plan;
}

function randomInput(seed: number, rows: number): TensorValues {
  const random = createRandom(seed);
  const values = Float32Array.from({ length: rows * 32 }, () => random.next());
  return {
    x: { dataType: "float32", shape: [rows, 32], data: new Uint8Array(values.buffer) },
  };
}

test("answers over TCP and ONNX Runtime with the bits of the whole model, under a plan that comes back", async () => {
  const runtime = createOnnxRuntime();
  const prepared = await prepareGraph(buildModel(), { level: "basic", shapes: { x: [1, 32] } });
  // camera, cloud (over the relay), and the last node on the camera again, which also reads the input.
  const plan = planFor(prepared, (node) => (/two|three/.test(node) ? "cloud" : "camera"));
  expect(plan.stages.map(({ devices }) => devices[0])).toEqual(["camera", "cloud", "camera"]);
  const coordinator = await Coordinator.start({
    transport: tcpTransport,
    clock: systemClock,
    listen: "127.0.0.1:0",
    token: "t",
    plan,
    graph: prepared.graph,
    topology,
    model: prepared.model,
    types: prepared.openTypes,
    runtime: runtime.name,
  });
  onTestFinished(() => coordinator.close());
  for (const name of coordinator.devices) {
    await Agent.join({
      name,
      incarnation: name,
      coordinator: coordinator.address,
      token: "t",
      transport: tcpTransport,
      runtime,
      clock: systemClock,
      listen: "127.0.0.1:0",
      cores: 1,
      memoryBytes: null,
    });
  }
  await coordinator.ready();
  const client = await connectClient({
    transport: tcpTransport,
    clock: systemClock,
    address: coordinator.address,
    token: "t",
  });
  // The batch stays open: requests of several sizes through one deployment.
  const sizes = [...Array(20).keys()].map((request) => 1 + (request % 3));
  const answers = await Promise.all(
    sizes.map((rows, request) => client.infer(randomInput(request, rows))),
  );
  const whole = await runtime.load(prepared.model, { threads: 1 });
  for (const [request, rows] of sizes.entries()) {
    const { outputs } = await whole.run(randomInput(request, rows));
    expect(answers[request]?.outputs["y"]?.shape).toEqual([rows, 32]);
    expect(answers[request]?.outputs["y"]?.data).toEqual(outputs["y"]?.data);
  }
  await whole.release();
  const [wrong] = Object.values(randomInput(1, 2));
  await expect(client.infer({ x: { ...wrong, shape: [2, 4, 8] } as never })).rejects.toMatchObject({
    code: "TENSOR_SHAPE_MISMATCH",
  });
  await client.close();
});
