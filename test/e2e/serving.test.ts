import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../src/base/clock.node.ts";
import { bytes, seconds, secondsPerByte } from "../../src/base/units.ts";
import { Agent } from "../../src/cluster/agent.ts";
import { type Client, connectClient } from "../../src/cluster/client.ts";
import { Coordinator } from "../../src/cluster/coordinator.ts";
import { readTopology } from "../../src/cost/topology-file.ts";
import { packStrings } from "../../src/graph/string-value.ts";
import { createBuilder } from "../../src/onnx/build.ts";
import type { OnnxModel } from "../../src/onnx/model.ts";
import { createProblem } from "../../src/plan/problem.ts";
import { createOnnxRuntime } from "../../src/runtime/onnxruntime.node.ts";
import { prepareGraph } from "../../src/runtime/prepare.node.ts";
import { tcpTransport } from "../../src/transport/tcp.node.ts";
import { inferBody, readInfer, startOip } from "../fixtures/oip-server.ts";
import { planOf } from "../fixtures/plan-of.ts";

const topology = readTopology(`
format: partita.topology/1
devices: [{ name: camera }, { name: cloud }]
links: [{ between: [camera, cloud], bandwidth: 1 Gbit/s }]
source: camera
sink: camera
`);

/** Texts twice over, made on the cloud; numbers that are no longer negative, on the camera. */
function buildModel(): OnnxModel {
  const builder = createBuilder({ name: "words", opset: 17 });
  const texts = builder.input("texts", "string", ["N"]);
  const twice = builder.node("Concat", [texts, texts], {
    name: "twice",
    output: "twice_texts",
    attributes: { axis: 0 },
  });
  builder.output(twice, "string", ["M"]);
  const numbers = builder.input("numbers", "float32", [2]);
  builder.output(
    builder.node("Relu", [numbers], { name: "relu", output: "positive" }),
    "float32",
    [2],
  );
  return builder.build();
}

async function startWords(): Promise<Client> {
  const runtime = createOnnxRuntime();
  const shapes = { texts: [3] };
  const prepared = await prepareGraph(buildModel(), { level: "basic", shapes });
  const kind = {
    nodeSeconds: prepared.graph.nodes.map(() => seconds(0.001)),
    overheadSeconds: seconds(0),
    boundarySecondsPerByte: secondsPerByte(0),
    overheadBytes: bytes(0),
  };
  const devices = { here: kind };
  const profile = { format: "partita.profile/1", graph: prepared.graph, devices } as const;
  const problem = createProblem(profile, topology, { type: "latency" });
  const deviceOf = (name: string) => (name === "twice" ? "cloud" : "camera");
  const plan = planOf(
    problem,
    prepared.graph.nodes.map(({ name }) => deviceOf(name)),
  );
  if (plan === null) throw new Error("the plan is not allowed");
  const [transport, clock, token] = [tcpTransport, systemClock, "t"];
  const coordinator = await Coordinator.start({
    transport,
    clock,
    token,
    listen: "127.0.0.1:0",
    plan,
    graph: prepared.graph,
    topology,
    model: prepared.model,
    types: prepared.openTypes,
    runtime: runtime.name,
  });
  onTestFinished(() => coordinator.close());
  const { address } = coordinator;
  for (const name of coordinator.devices) {
    const own = { name, incarnation: name, coordinator: address, listen: "127.0.0.1:0" };
    await Agent.join({ ...own, token, transport, runtime, clock, cores: 1, memoryBytes: null });
  }
  await coordinator.ready();
  const client = await connectClient({ transport, clock, address, token });
  onTestFinished(() => client.close());
  return client;
}

test("texts go through two devices and come back over HTTP, in JSON and in binary form", async () => {
  const client = await startWords();
  const { inputs, outputs } = client;
  const served = { name: "words", version: "1", maxBatch: 1, inputs, outputs };
  const infer: Client["infer"] = (values, options) => client.infer(values, options);
  const { server } = await startOip([{ ...served, infer }]);
  const url = `${server.url}/v2/models/words/infer`;
  const numbers = { name: "numbers", datatype: "FP32", shape: [2], data: [-1, 2] };
  const words = ["Éins", "", "\uFEFFZWEI 😀"];
  const texts = { name: "texts", datatype: "BYTES", shape: [3] };
  const json = JSON.stringify({ inputs: [numbers, { ...texts, data: words }] });
  const answer = await readInfer(await fetch(url, { method: "POST", body: json }));
  expect(answer.json.outputs).toMatchObject([
    { name: "twice_texts", datatype: "BYTES", shape: [6], data: [...words, ...words] },
    { name: "positive", data: [0, 2] },
  ]);
  const encode = (text: string) => new TextEncoder().encode(text);
  const raw = packStrings(words.map(encode));
  const parameters = { binary_data_size: raw.byteLength };
  const { body, headers } = inferBody(
    {
      inputs: [{ ...texts, parameters }, numbers],
      outputs: [{ name: "twice_texts", parameters: { binary_data: true } }],
    },
    raw,
  );
  const { tensors } = await readInfer(await fetch(url, { method: "POST", body, headers }));
  expect(tensors.get("twice_texts")).toEqual(packStrings([...words, ...words].map(encode)));
});
