import { readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { withLevel } from "../../src/cli/prepare.ts";
import { writeNpy } from "../../src/cli/tensors/npy.ts";
import { createBuilder } from "../../src/onnx/build.ts";
import { writeOnnxFile } from "../../src/onnx/files.node.ts";
import { encodeOnnx } from "../../src/onnx/write.ts";
import { writeSqueezenet } from "./equal-profile.ts";
import { topologyText, Workbench } from "./partita.ts";

const bench = new Workbench();
const model = "model.onnx";
const profile = "model.profile.json";
const plan = "model.plan.json";
const topology = "home.topology.yaml";

/** Two layers of which the batch is open. */
function openModel(): Uint8Array {
  const builder = createBuilder({ name: "open" });
  const x = builder.input("x", "float32", ["N", 8]);
  const weight = builder.weight("w", [8, 8], new Float32Array(64).fill(0.5));
  builder.output(
    builder.node("Relu", [builder.node("MatMul", [x, weight])], { output: "y" }),
    "float32",
    ["N", 8],
  );
  return encodeOnnx(builder.build());
}

beforeAll(async () => {
  bench.write(topology, topologyText);
  const prepared = await writeSqueezenet(bench, "model", { level: "basic" });
  await writeOnnxFile(bench.path("graph.onnx"), withLevel(prepared.model, "basic"));
  const planned = await bench.call(
    "plan",
    profile,
    "-t",
    topology,
    "--keep-local",
    "4",
    "-o",
    plan,
  );
  expect(planned).toMatchObject({ code: 0, errors: "" });
  bench.write("empty.onnx", "");
  bench.write("text.onnx", "# My model\n\nThis is only a description of it.\n");
  bench.write("truncated.onnx", readFileSync(bench.path(model)).subarray(0, 20_000));
  bench.write("open.onnx", openModel());
});

afterAll(() => bench.remove());

/** Runs a command that must fail, with one line of explanation and no stack trace. */
async function failure(...words: string[]): Promise<{ code: number | null; message: string }> {
  const { code, output, errors } = await bench.call(...words);
  expect(output).toBe("");
  expect(errors).not.toMatch(/^\s+at /m);
  return { code, message: errors.trim() };
}

test.each([
  ["missing", "missing.onnx", 66, /^error FILE_NOT_FOUND: .*missing\.onnx/],
  ["empty", "empty.onnx", 65, /^error ONNX_MALFORMED: empty\.onnx: the model is empty \(0 bytes\)/],
  [
    "a text file",
    "text.onnx",
    65,
    /^error ONNX_MALFORMED: text\.onnx: .* it looks like a text file/,
  ],
  ["truncated", "truncated.onnx", 65, /^error ONNX_MALFORMED: truncated\.onnx: .* truncated/],
  ["a folder", "tmp", 66, /^error FILE_NOT_FOUND: tmp is a folder, not a model file/],
  [
    "of an unknown network",
    "zoo:squeeznet",
    64,
    /^error ZOO_UNKNOWN: .* Did you mean squeezenet\?/,
  ],
  ["of the zoo with a bad option", "zoo:resnet18?size=3", 64, /^error USAGE_INVALID: .*"size=3"/],
])("refuses a model that is %s", async (_, file, exitCode, text) => {
  const { code, message } = await failure("inspect", file);
  expect(message).toMatch(text);
  expect(code).toBe(exitCode);
});

test("lists the dimensions that must be bound, and accepts them", async () => {
  const unbound = await failure("profile", "open.onnx", "-o", "open.profile.json");
  expect(unbound.message).toMatch(/^error SHAPE_UNBOUND: .*x \[N, 8\].* --shape x=1,8/);
  expect(unbound.code).toBe(65);
  const shown = await bench.call("inspect", "open.onnx");
  expect(shown.output).toMatch(/dimensions are open: x\[0\] 'N'/);
  const bound = await bench.call("inspect", "open.onnx", "--shape", "x=4,8");
  expect(bound.output).toContain("Where a cut is worth anything");
  const wrong = await failure("inspect", "open.onnx", "--shape", "x=4,9");
  expect(wrong.message).toMatch(/^error TENSOR_SHAPE_MISMATCH: shape \[4, 9\] does not fit/);
  const unknown = await failure("inspect", "open.onnx", "--shape", "z=4,8");
  expect(unknown.message).toMatch(/^error TENSOR_UNKNOWN: the model has no input 'z'; it has x/);
});

test.each([
  ["shape", { dataType: "float32", shape: [1, 3, 8, 8] }, "TENSOR_SHAPE_MISMATCH"],
  ["type", { dataType: "float64", shape: [1, 3, 32, 32] }, "TENSOR_TYPE_MISMATCH"],
] as const)("refuses an input of the wrong %s", async (what, type, expected) => {
  const width = type.dataType === "float64" ? 8 : 4;
  const size = type.shape.reduce((product, length) => product * length, width);
  const file = bench.write(`${what}.npy`, writeNpy({ ...type, data: new Uint8Array(size) }));
  const { code, message } = await failure("verify", model, "--plan", plan, "--input", file);
  expect(message).toContain(expected);
  expect(code).toBe(65);
});

test("refuses files that should hold tensors or pictures and do not", async () => {
  bench.write("short.npy", writeNpy({ dataType: "float32", shape: [9], data: new Uint8Array(12) }));
  bench.write("fake.png", "not a picture");
  const verify = ["verify", model, "--plan", plan, "--input"];
  const short = await failure(...verify, "short.npy");
  expect(short.message).toMatch(
    /^error TENSOR_MALFORMED: short\.npy: .*36 bytes, the file holds 12/,
  );
  const fake = await failure(...verify, "fake.png");
  expect(fake.message).toMatch(/^error IMAGE_INVALID: fake\.png cannot be decoded as a picture/);
  expect((await failure(...verify, "absent.npy")).code).toBe(66);
});

const [camera = "", gateway = ""] = topologyText
  .split("\n")
  .filter((line) => line.includes("name:"));

test.each([
  [
    "an unknown device in a link",
    /\[gateway, cloud\]/,
    "[gateway, clud]",
    /link gateway → clud names device 'clud', which is not listed \(devices: camera, gateway, cloud\)/,
  ],
  [
    "a disconnected device",
    / {2}- \{ between: \[gateway, cloud\].*\n/,
    "",
    /device 'cloud' is disconnected/,
  ],
  ["two devices of one name", gateway, camera, /two devices are named 'camera'/],
  ["a negative bandwidth", "50 Mbit/s", "-50 Mbit/s", /bandwidth of -50.* must be above 0/],
  [
    "a bandwidth without a unit",
    "50 Mbit/s",
    "50",
    /home\.topology\.yaml:9: links\.1\.bandwidth: "50" is not a quantity in bit\/s/,
  ],
  [
    "a bandwidth in an unknown unit",
    "50 Mbit/s",
    "50 Mbps",
    /home\.topology\.yaml:9: links\.1\.bandwidth: "50 Mbps" is not a quantity/,
  ],
  ["no format", "format: partita.topology/1", "", /format/],
])("refuses a topology with %s", async (_, from, to, text) => {
  bench.write("wrong.home.topology.yaml", topologyText.replace(from, to));
  const { code, message } = await failure("plan", profile, "-t", "wrong.home.topology.yaml");
  expect(message).toMatch(/^error TOPOLOGY_INVALID: /);
  expect(message).toMatch(text);
  expect(code).toBe(65);
});

test("answers that no plan fits the memory, with the device and by how much: exit code 69", async () => {
  const small = topologyText.replaceAll(/speed: [\d.]+/g, "memory: 1050 kB");
  bench.write("small.topology.yaml", small);
  const { code, output, errors } = await bench.call("plan", profile, "-t", "small.topology.yaml");
  expect(errors).toBe("");
  expect(output).toMatch(/^No plan for latency keeps the limits:\n/);
  expect(output).toMatch(/\d+(\.\d+)? k?B/);
  expect(code).toBe(69);
  const machine = await bench.call("plan", profile, "-t", "small.topology.yaml", "--json");
  expect(JSON.parse(machine.output)).toMatchObject({ type: "infeasible" });
  expect(machine.code).toBe(69);
  const up = await bench.call("up", "small.topology.yaml", model, "--profile", profile);
  expect(up.errors).toMatch(/^error PLAN_INFEASIBLE: /);
  expect(up.code).toBe(69);
});

test("says that a limit cannot be kept, and by how much", async () => {
  const words = ["plan", profile, "-t", topology, "--max-latency", "1 ms"];
  const { code, output } = await bench.call(...words);
  expect(output).toMatch(/latency would be .* above the limit of 1 ms/);
  expect(code).toBe(69);
});

test("refuses a plan that is for another level or another graph, and says what to do", async () => {
  const split = await failure("split", model, "--plan", plan, "-o", "p", "--level", "extended");
  expect(split.message).toMatch(
    /^error PLAN_INVALID: the plan was made for the graph at level 'basic', this command cuts it at 'extended': run `partita profile MODEL --level extended`/,
  );
  const other = await failure("verify", "zoo:squeezenet?resolution=40&width=0.25", "--plan", plan);
  expect(other.message).toMatch(/^error PLAN_INVALID: the plan was made for another graph/);
  expect(other.code).toBe(65);
  const text = await failure("verify", model, "--plan", topology);
  expect(text.message).toMatch(/^error PLAN_INVALID: home\.topology\.yaml/);
});

test("refuses an edited plan, one for another topology, and options that a profile cannot obey", async () => {
  const written = readFileSync(bench.path(plan), "utf8");
  bench.write("moved.json", written.replace(/("placement": \{\s+"[^"]+": )"\w+"/, '$1"moon"'));
  const edited = await failure("split", model, "--plan", "moved.json", "-o", "p");
  expect(edited.message).toMatch(
    /^error PLAN_INVALID: stage 's0' of the plan is not what its placement gives/,
  );
  const yaml = readFileSync(bench.path(topology), "utf8");
  bench.write("renamed.yaml", yaml.replaceAll("camera", "attic"));
  const other = await failure("run", "renamed.yaml", model, "--plan", plan, "--seeds", "1");
  expect(other.message).toMatch(/^error PLAN_INVALID: .* on 'camera', which the topology lacks/);
  const level = await failure("plan", profile, "-t", topology, "--level", "all");
  expect(level.message).toMatch(/^error PROFILE_INVALID: --level all is asked for, but .* basic/);
});

test("says that the disk is full, and leaves nothing behind", async () => {
  const device = await failure("plan", profile, "-t", topology, "-o", "/dev/full");
  expect(device.message).toBe("error FILE_WRITE_FAILED: /dev/full: no space left on the disk");
  expect(device.code).toBe(74);
  // A limit on the size of files stands for a small disk: parts of a saved graph need no other file.
  const split = await bench.shell(
    `ulimit -f 64; $PARTITA split graph.onnx --plan ${plan} -o parts`,
  );
  expect(split.errors).toMatch(/^error FILE_WRITE_FAILED: parts: /);
  expect(split.code).toBe(74);
  expect(readdirSync(bench.folder).filter((name) => name.includes("part"))).toEqual([]);
});

test("refuses folders that are not there", async () => {
  const { code, message } = await failure("zoo", "squeezenet", "-o", "no/such/folder/x.onnx");
  expect(message).toMatch(/^error FILE_WRITE_FAILED: /);
  expect(code).toBe(74);
});

test.each([
  ["an unknown command", ["plna"], /unknown command 'plna'/],
  ["an unknown option", ["plan", "--speed"], /unknown option '--speed'/],
  ["a missing argument", ["plan"], /missing required argument 'model\|profile'/],
  ["a missing option", ["split", model, "-o", "x"], /^error USAGE_INVALID: --plan FILE is missing/],
  ["a bad number", ["zoo", "bert", "--blocks", "two", "-o", "x"], /--blocks wants a whole number/],
  ["a bad word", ["profile", model, "--level", "max", "-o", "x"], /--level wants one of basic/],
  [
    "an unknown planner",
    ["plan", profile, "-t", topology, "--planner", "x"],
    /--planner wants random, single, .*, auto, or exec:COMMAND, not "x"/,
  ],
  [
    "an unknown objective",
    ["plan", profile, "-t", topology, "--objective", "speed"],
    /objective "speed" is unknown/,
  ],
  [
    "a limit without a unit",
    ["plan", profile, "-t", topology, "--max-latency", "5"],
    /USAGE_INVALID: --max-latency: "5" is not a quantity in s/,
  ],
  [
    "privacy that keeps nothing",
    ["plan", profile, "-t", topology, "--keep-local", "input"],
    /--keep-local input would keep nothing/,
  ],
  [
    "an option that a plan cannot obey",
    ["run", topology, model, "--plan", plan, "--keep-local", "1", "--seeds", "1"],
    /--keep-local cannot change the plan of --plan/,
  ],
  [
    "a comparison of nothing",
    ["verify", model, "--plan", plan, "--seeds", "0"],
    /nothing to compare/,
  ],
  ["no command", [], /Usage: partita/],
])("explains %s: exit code 64", async (_, words, text) => {
  const { code, message } = await failure(...words);
  expect(message).toMatch(text);
  expect(code).toBe(64);
});

test("a result that cannot be written is a failure", async () => {
  const { code, errors } = await bench.shell("$PARTITA inspect zoo:alexnet > /dev/full");
  expect(errors).toMatch(/^error FILE_WRITE_FAILED: standard output: no space left/);
  expect(code).toBe(74);
});

test("writes errors as JSON where results are JSON", async () => {
  const coded = await bench.run("inspect", "missing.onnx", "--json");
  expect(coded).toMatchObject({ code: 66, output: "" });
  expect(JSON.parse(coded.errors)).toMatchObject({ error: { code: "FILE_NOT_FOUND" } });
  const usage = await bench.run("plan", "--json", "--speed");
  expect(usage.code).toBe(64);
  expect(JSON.parse(usage.errors)).toMatchObject({ error: { code: "USAGE_INVALID" } });
});
