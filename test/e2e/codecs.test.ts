import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readNpz } from "../../src/cli/tensors/npz.ts";
import { codecNames } from "../../src/codec/codec.ts";
import { writeOnnxFile } from "../../src/onnx/files.node.ts";
import { fewNodes } from "../fixtures/few-nodes.ts";
import { writeSqueezenet } from "./equal-profile.ts";
import { topologyText, Workbench } from "./partita.ts";

const bench = new Workbench();
const model = "model.onnx";
const topology = "home.topology.yaml";
const plan = "coded.plan.json";

/** Slow enough for any codec to pay. */
const slow = topologyText.replaceAll(/\d+ Mbit/g, "300 kbit");
const cheap = { encodeSecondsPerByte: 1e-10, decodeSecondsPerByte: 1e-10 };
const codecs = { "bitmap-shuffle-zstd": { ratio: 2, ...cheap }, bitmap: { ratio: 1.5, ...cheap } };

beforeAll(async () => {
  bench.write(topology, slow);
  await writeSqueezenet(bench, "model", { codecs });
  const words = ["-t", topology, "--objective", "throughput", "-o", plan];
  const planned = await bench.call("plan", "model.profile.json", ...words);
  expect(planned).toMatchObject({ code: 0, errors: "" });
});

afterAll(() => bench.remove());

function read(name: string) {
  return JSON.parse(readFileSync(bench.path(name), "utf8"));
}

test("a profile says what codecs do to the graph's tensors, unless it is told not to", async () => {
  await writeOnnxFile(bench.path("few.onnx"), fewNodes());
  const measure = (...words: string[]) => bench.call("profile", "few.onnx", "-o", ...words);
  expect(await measure("coded.profile.json", "--json")).toMatchObject({ code: 0, errors: "" });
  const { graph, source } = read("coded.profile.json");
  expect(source.codecs).toEqual({ names: codecNames, inputSha256: null });
  const coded = graph.tensors.filter((tensor: object) => "codecs" in tensor);
  expect(coded.length).toBeGreaterThan(0);
  expect((await measure("plain.profile.json", "--no-codecs")).code).toBe(0);
  const plain = read("plain.profile.json");
  expect(plain.source.codecs).toBeUndefined();
  expect(plain.graph.tensors.some((tensor: object) => "codecs" in tensor)).toBe(false);
  expect(plain.source.graphSha256).toBe(source.graphSha256);
});

test("a plan shows codecs with the bytes that they leave, and says what it is without them", async () => {
  const words = ["model.profile.json", "-t", topology, "--objective", "throughput"];
  const coded = await bench.call("plan", ...words);
  expect(coded.output).toMatch(/bitmap(-shuffle-zstd)? \(of [\d.]+ kB\)/);
  const plain = await bench.call("plan", ...words, "--no-codecs", "--json");
  const { claimed, transfers } = JSON.parse(plain.output);
  expect(transfers.some((transfer: object) => "codec" in transfer)).toBe(false);
  expect(claimed.periodSeconds).toBeGreaterThan(read(plan).claimed.periodSeconds);
  const explained = await bench.call(
    "explain",
    plan,
    "--profile",
    "model.profile.json",
    "-t",
    topology,
    "--effort",
    "3",
  );
  expect(explained).toMatchObject({ code: 0, errors: "" });
});

test("what goes coded over the links gives the answers of the whole, in fewer bytes", async () => {
  const words = ["run", topology, model, "--full-speed", "--seeds", "2"];
  const coded = await bench.run(...words, "--plan", plan, "-o", "coded.npz", "--json");
  expect(coded).toMatchObject({ code: 0, errors: "" });
  const whole = ["--profile", "model.profile.json", "--planner", "single", "-o", "whole.npz"];
  expect((await bench.run(...words, ...whole)).code).toBe(0);
  const [split, alone] = ["coded.npz", "whole.npz"].map((name) =>
    readNpz(new Uint8Array(readFileSync(bench.path(name))), name),
  );
  expect(split).toEqual(alone);
  const { tensors } = read("model.profile.json").graph;
  const bytesOf = new Map(
    tensors.map(({ name, bytes }: { name: string; bytes: number }) => [name, bytes]),
  );
  const { hops } = JSON.parse(coded.output).requests[0].timings;
  const sent = hops.filter(({ encodeSeconds }: { encodeSeconds: number }) => encodeSeconds > 0);
  expect(sent.length).toBeGreaterThan(0);
  for (const { tensor, bytes } of sent) expect(bytes).toBeLessThan(bytesOf.get(tensor) as number);
});

test("refuses a plan with a codec that nobody knows", async () => {
  const broken = read(plan);
  for (const transfer of broken.transfers) transfer.codec = "magic";
  bench.write("magic.plan.json", JSON.stringify(broken));
  const words = ["run", topology, model, "--seeds", "1", "--plan", "magic.plan.json"];
  const { code, errors } = await bench.call(...words);
  expect(errors).toMatch(/^error PLAN_INVALID: .*'magic'/);
  expect(code).toBe(65);
});
