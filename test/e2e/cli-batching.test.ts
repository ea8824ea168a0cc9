import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createRandom } from "../../src/base/random.ts";
import { readNpz } from "../../src/cli/tensors/npz.ts";
import { createBuilder } from "../../src/onnx/build.ts";
import { writeOnnxFile } from "../../src/onnx/files.node.ts";
import { compareTensors } from "../../src/runtime/compare.ts";
import { ended, Workbench } from "./partita.ts";

const bench = new Workbench();
const model = "model.onnx";

/** The cloud is so much faster, and so far, that it gets a part of the model. */
const topology = `
format: partita.topology/1
devices: [{ name: camera, speed: 0.5 }, { name: cloud }]
links: [{ between: [camera, cloud], bandwidth: 1 Gbit/s }]
source: camera
`;

/** Costs that do not depend on this machine: four requests as one take what a single one takes. */
function withEqualCosts(profile: string): string {
  const parsed = JSON.parse(profile);
  const { requests } = parsed.devices["this-machine"].batches[0];
  const cost = {
    nodeSeconds: parsed.graph.nodes.map(() => 1e-4),
    ...{ overheadSeconds: 0, boundarySecondsPerByte: 0, overheadBytes: 1e6 },
  };
  const kind = { ...cost, batches: [{ requests, ...cost }] };
  return JSON.stringify({ ...parsed, devices: { "this-machine": kind } });
}

/** Four matrix products; how many rows go through at once is open. */
async function writeModel(): Promise<void> {
  const random = createRandom(7);
  const builder = createBuilder({ name: "four" });
  let tensor = builder.input("x", "float32", ["N", 32]);
  for (const name of ["one", "two", "three", "four"]) {
    const values = Float32Array.from({ length: 32 * 32 }, () => random.next() - 0.5);
    const product = [tensor, builder.weight(`w_${name}`, [32, 32], values)];
    tensor = builder.node("Tanh", [builder.node("MatMul", product, { name })]);
  }
  builder.output(tensor, "float32", ["N", 32]);
  await writeOnnxFile(bench.path(model), builder.build());
}

beforeAll(async () => {
  bench.write("home.topology.yaml", topology);
  await writeModel();
  const profiling = ["--batch", "1,4", "-o", "measured.profile.json"];
  expect(await bench.call("profile", model, ...profiling)).toMatchObject({ code: 0, errors: "" });
  const measured = readFileSync(bench.path("measured.profile.json"), "utf8");
  expect(JSON.parse(measured).batch.difference).toBeLessThanOrEqual(1e-5);
  bench.write("model.profile.json", withEqualCosts(measured));
});

afterAll(() => bench.remove());

test("requests to processes are joined as --max-batch and --max-wait say, and answered as if they had gone alone", async () => {
  const joining = ["--objective", "throughput", "--max-batch", "4", "--max-wait", "5 s"];
  const words = ["-t", "home.topology.yaml", ...joining, "-o", "joined.plan.json"];
  const planned = await bench.call("plan", "model.profile.json", ...words);
  expect(planned).toMatchObject({ code: 0, errors: "" });
  const plan = JSON.parse(readFileSync(bench.path("joined.plan.json"), "utf8"));
  expect(plan.batch).toMatchObject({ most: 4, waitSeconds: 5 });

  const child = bench.start(
    ...["up", "home.topology.yaml", model, "--plan", "joined.plan.json", "--full-speed", "--json"],
  );
  const end = ended(child);
  const { address, token } = JSON.parse(await firstLine(child.stdout));
  const to = ["--to", address, "--token", token, "--json"];
  const joined = await bench.call("run", ...to, "--seeds", "8", "-o", "joined.npz");
  expect(joined).toMatchObject({ code: 0, errors: "" });
  const { requests } = JSON.parse(joined.output);
  const together = requests.map(
    ({ timings }: { timings: { joined?: { requests: number } } }) => timings.joined?.requests,
  );
  expect(together).toEqual([4, 4, 4, 4, 4, 4, 4, 4]);
  const look = async () => JSON.parse((await bench.call("status", ...to, "--once")).output);
  let status = await look();
  // Counts come with the source's next heartbeat.
  while (status.requests.answered < 8) status = await look();
  expect(status.requests).toMatchObject({ answered: 8, failed: 0 });
  expect(status.generations[0].batch).toEqual({ most: 4, waitSeconds: 5 });
  child.kill("SIGINT");
  expect(await end).toMatchObject({ code: 130, errors: "" });

  // What is open in the model is as it was measured: one request.
  const single = ["--profile", "model.profile.json", "--planner", "single"];
  const seeds = ["--full-speed", "--seeds", "8", "-o", "alone.npz"];
  const alone = await bench.run("run", "home.topology.yaml", model, ...single, ...seeds);
  expect(alone).toMatchObject({ code: 0, errors: "" });
  const [expected, found] = [tensorsOf("alone.npz"), tensorsOf("joined.npz")];
  expect(Object.keys(found)).toEqual(Object.keys(expected));
  for (const [name, value] of Object.entries(expected)) {
    const other = found[name];
    if (other === undefined) throw new Error(`no answer '${name}'`);
    expect(compareTensors(value, other).maxRelative).toBeLessThanOrEqual(1e-5);
  }
});

function tensorsOf(name: string) {
  return readNpz(new Uint8Array(readFileSync(bench.path(name))), name);
}

function firstLine(stream: NodeJS.ReadableStream | null): Promise<string> {
  if (stream === null) throw new Error("no standard output");
  return new Promise((resolve) => createInterface({ input: stream }).once("line", resolve));
}
