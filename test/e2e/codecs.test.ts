import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readNpz } from "../../src/cli/tensors/npz.ts";
import { codecNames } from "../../src/codec/codec.ts";
import { topologyText, Workbench, withEqualTimes } from "./partita.ts";

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
  const made = [
    await bench.run("zoo", "squeezenet", "--resolution", "32", "--width", "0.25", "-o", model),
    await bench.run("profile", model, "-o", "measured.profile.json", "--json"),
  ];
  const measured = readFileSync(bench.path("measured.profile.json"), "utf8");
  bench.write("model.profile.json", withEqualTimes(measured, codecs));
  const words = ["-t", topology, "--objective", "throughput", "-o", plan];
  made.push(await bench.run("plan", "model.profile.json", ...words));
  expect(made.map(({ code }) => code)).toEqual([0, 0, 0]);
});

afterAll(() => bench.remove());

function read(name: string) {
  return JSON.parse(readFileSync(bench.path(name), "utf8"));
}

test("a profile says what codecs do to the graph's tensors, unless it is told not to", async () => {
  const { graph, source } = read("measured.profile.json");
  expect(source.codecs).toEqual({ names: codecNames, inputSha256: null });
  const coded = graph.tensors.filter((tensor: object) => "codecs" in tensor);
  expect(coded.length).toBeGreaterThan(10);
  const { code } = await bench.run("profile", model, "-o", "plain.profile.json", "--no-codecs");
  expect(code).toBe(0);
  const plain = read("plain.profile.json");
  expect(plain.source.codecs).toBeUndefined();
  expect(plain.graph.tensors.some((tensor: object) => "codecs" in tensor)).toBe(false);
  expect(plain.source.graphSha256).toBe(source.graphSha256);
});

test("a plan shows codecs with the bytes that they leave, and says what it is without them", async () => {
  const words = ["model.profile.json", "-t", topology, "--objective", "throughput"];
  const coded = await bench.run("plan", ...words);
  expect(coded.output).toMatch(/bitmap(-shuffle-zstd)? \(of [\d.]+ kB\)/);
  const plain = await bench.run("plan", ...words, "--no-codecs", "--json");
  const { claimed, transfers } = JSON.parse(plain.output);
  expect(transfers.some((transfer: object) => "codec" in transfer)).toBe(false);
  expect(claimed.periodSeconds).toBeGreaterThan(read(plan).claimed.periodSeconds);
  const explained = await bench.run(
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
  const coded = await bench.run(...words, "--plan", plan, "-o", "coded.npz");
  expect(coded).toMatchObject({ code: 0, errors: "" });
  const whole = ["--profile", "model.profile.json", "--planner", "single", "-o", "whole.npz"];
  expect((await bench.run(...words, ...whole)).code).toBe(0);
  const [split, alone] = ["coded.npz", "whole.npz"].map((name) =>
    readNpz(new Uint8Array(readFileSync(bench.path(name))), name),
  );
  expect(split).toEqual(alone);
  const { output } = await bench.run(...words, "--plan", plan, "--json");
  const { tensors } = read("model.profile.json").graph;
  const bytesOf = new Map(
    tensors.map(({ name, bytes }: { name: string; bytes: number }) => [name, bytes]),
  );
  const { hops } = JSON.parse(output).requests[0].timings;
  const sent = hops.filter(({ encodeSeconds }: { encodeSeconds: number }) => encodeSeconds > 0);
  expect(sent.length).toBeGreaterThan(0);
  for (const { tensor, bytes } of sent) expect(bytes).toBeLessThan(bytesOf.get(tensor) as number);
});

test("refuses a plan with a codec that nobody knows", async () => {
  const broken = read(plan);
  for (const transfer of broken.transfers) transfer.codec = "magic";
  bench.write("magic.plan.json", JSON.stringify(broken));
  const words = ["run", topology, model, "--seeds", "1", "--plan", "magic.plan.json"];
  const { code, errors } = await bench.run(...words);
  expect(errors).toMatch(/^error PLAN_INVALID: .*'magic'/);
  expect(code).toBe(65);
});
