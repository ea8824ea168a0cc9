import { readdirSync, readFileSync } from "node:fs";
import { watch } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readNpz } from "../../src/cli/tensors/npz.ts";
import { writeOnnxFile } from "../../src/onnx/files.node.ts";
import { fewNodes } from "../fixtures/few-nodes.ts";
import { writeSqueezenet } from "./equal-profile.ts";
import { ended, topologyText, Workbench } from "./partita.ts";

const bench = new Workbench();
const model = "squeezenet.onnx";
/** With times that are no measurement. */
const profile = "squeezenet.profile.json";
/** What is measured. */
const few = "few.onnx";
const plan = "squeezenet.plan.json";
const topology = "home.topology.yaml";

const json = (name: string) => JSON.parse(readFileSync(bench.path(name), "utf8"));

beforeAll(async () => {
  bench.write(topology, topologyText);
  await writeOnnxFile(bench.path(few), fewNodes());
  await writeSqueezenet(bench, "squeezenet", { level: "basic" });
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
});

afterAll(() => bench.remove());

test("lists the zoo with parameters and multiply-adds", async () => {
  const { output } = await bench.run("zoo", "--list");
  expect(output).toMatch(/resnet50 +25\.56 +4\.09 +224 +torchvision resnet50/);
  const listed = JSON.parse((await bench.call("zoo", "--list", "--json")).output);
  expect(listed).toHaveLength(13);
});

test("writes a network of the zoo as a model, of the size that is asked for", async () => {
  const words = ["--resolution", "32", "--width", "0.25", "-o", "written.onnx"];
  expect(await bench.run("zoo", "squeezenet", ...words)).toMatchObject({ code: 0, errors: "" });
  expect(readFileSync(bench.path("written.onnx"))).toEqual(readFileSync(bench.path(model)));
});

test("shows the commands without loading them, and each command's options", async () => {
  const { output, code } = await bench.run("--help");
  expect(code).toBe(0);
  for (const name of ["inspect", "profile", "plan", "explain", "split", "verify", "up", "run"]) {
    expect(output).toMatch(new RegExp(`^ {2}${name} `, "m"));
    const help = await bench.call(name, "--help");
    expect(help).toMatchObject({ code: 0, errors: "" });
    expect(help.output).toContain("--json");
  }
});

test("inspects a model: what was read, its work, and where a cut is worth anything", async () => {
  const { output, code } = await bench.run("inspect", model, "--nodes", "--tensors");
  expect(code).toBe(0);
  expect(output).toMatch(/producer +partita/);
  expect(output).toMatch(/inputs +input: float32 \[1, 3, 32, 32\]/);
  expect(output).toMatch(/operators +26 Conv, 26 Relu/);
  expect(output).toContain("Where a cut is worth anything");
  expect(output).toMatch(/features\.4\.squeeze +Conv/);
  const document = JSON.parse((await bench.call("inspect", model, "--json")).output);
  expect(document).toMatchObject({ producer: "partita", opsets: { "ai.onnx": 17 } });
  const { waists } = document as { waists: { bytes: number; inputRatio: number }[] };
  expect(waists.length).toBeGreaterThan(0);
  expect(waists.every(({ inputRatio }) => inputRatio < 1)).toBe(true);
  const sizes = waists.map(({ bytes }) => bytes);
  expect(sizes).toEqual([...sizes].sort((a, b) => b - a));
});

test("reuses a profile until something that matters changes", async () => {
  const measured = "measured.profile.json";
  const measure = ["profile", few, "--level", "basic", "-o", measured];
  expect(await bench.run(...measure)).toMatchObject({ code: 0, errors: "" });
  const before = readFileSync(bench.path(measured), "utf8");
  const again = await bench.call(...measure);
  expect(again.output).toContain(`reused ${measured}`);
  expect(readFileSync(bench.path(measured), "utf8")).toBe(before);
  const other = await bench.call("profile", few, "--level", "extended", "-o", measured, "--json");
  expect(JSON.parse(other.output)).toMatchObject({ reused: false, source: { level: "extended" } });
});

test("measures one saved graph as several kinds of device, and plans with all of them", async () => {
  const words = ["--as", "vm", "-o", "vm.profile.json", "--graph", "graph.onnx"];
  expect(await bench.call("profile", few, ...words)).toMatchObject({ code: 0 });
  const pi = await bench.call("profile", "graph.onnx", "--as", "pi", "-o", "pi.profile.json");
  expect(pi).toMatchObject({ code: 0, errors: "" });
  expect(json("pi.profile.json").source.graphSha256).toBe(
    json("vm.profile.json").source.graphSha256,
  );
  bench.write(
    "mixed.topology.yaml",
    topologyText.replace("speed: 0.02", "profile: pi").replace(/speed: 0\.(04|1)/g, "profile: vm"),
  );
  const words2 = ["-t", "mixed.topology.yaml", "--profile", "pi.profile.json", "--json"];
  const planned = await bench.call("plan", "vm.profile.json", ...words2);
  expect(planned).toMatchObject({ code: 0 });
  expect(Object.keys(JSON.parse(planned.output).alternatives)).toEqual([
    "camera",
    "gateway",
    "cloud",
  ]);
  const byModel = await bench.call("plan", few, "--profile", "vm.profile.json", ...words2);
  expect(byModel).toMatchObject({ code: 0, errors: "" });
  expect(JSON.parse(byModel.output).placement).toEqual(JSON.parse(planned.output).placement);
});

test("prints a plan against every single device, and writes it as JSON, DOT and SVG", async () => {
  const words = ["-t", topology, "--dot", "plan.dot", "--svg", "plan.svg", "-o", "all.plan.json"];
  const { output, code } = await bench.run("plan", profile, ...words);
  expect(code).toBe(0);
  expect(output).toContain("Everything on one device");
  expect(output).toContain("min(device-only, server-only)");
  expect(output).toMatch(/proof +no placement is below/);
  expect(output).toMatch(/input +input: float32 \[1, 3, 32, 32\], 12\.3 kB on a link/);
  expect(output).toContain("scaled from a profile: camera: 0.02 x this-machine");
  expect(json("all.plan.json")).toMatchObject({ format: "partita.plan/1", guarantee: "optimal" });
  expect(readFileSync(bench.path("plan.dot"), "utf8")).toMatch(/^digraph plan \{/);
  expect(readFileSync(bench.path("plan.svg"), "utf8")).toContain("</svg>");
});

test("profiles a model on its own when it is asked to plan one, and keeps that profile", async () => {
  const first = await bench.run("plan", few, "-t", topology, "--json");
  const second = await bench.call("plan", few, "-t", topology, "--json");
  expect(JSON.parse(second.output).claimed).toEqual(JSON.parse(first.output).claimed);
  expect(readdirSync(bench.path("cache/partita/profiles"))).toHaveLength(1);
});

test("keeps what is private on the source", async () => {
  const { placement, stages } = json(plan) as {
    placement: Record<string, string>;
    stages: unknown[];
  };
  const first = Object.values(placement).slice(0, 4);
  expect(first).toEqual(["camera", "camera", "camera", "camera"]);
  expect(stages).toHaveLength(2);
});

test("explains a plan: each device, and what would change it", async () => {
  const words = [plan, "--profile", profile, "-t", topology];
  const { output, code } = await bench.run("explain", ...words);
  expect(code).toBe(0);
  expect(output).toMatch(/camera runs \d+ nodes/);
  expect(output).toMatch(/bandwidth camera → gateway +100 Mbit\/s/);
  expect(output).toContain("Level basic");
});

test("cuts a model into parts with a manifest, and refuses to write over something else", async () => {
  const first = await bench.run("split", model, "--plan", plan, "-o", "parts");
  expect(first).toMatchObject({ code: 0, errors: "" });
  const manifest = json("parts/manifest.json");
  expect(manifest).toMatchObject({ format: "partita.parts/1", level: "basic", inputs: ["input"] });
  const files = manifest.stages.flatMap(({ files }: { files: { file: string }[] }) =>
    files.map(({ file }) => file),
  );
  expect(readdirSync(bench.path("parts")).sort()).toEqual([...files, "manifest.json"].sort());
  const [head, next] = manifest.stages;
  expect(head.inputs[0].from).toBe("input");
  expect(next.inputs[0].from).toBe(head.id);
  expect(head.outputs[0].to).toEqual([next.id]);
  const again = await bench.call("split", model, "--plan", plan, "-o", "parts");
  expect(again.code).toBe(73);
  expect(again.errors).toMatch(/^error FILE_EXISTS: parts is not empty .* --force/);
  expect(await bench.call("split", model, "--plan", plan, "-o", "parts", "--force")).toMatchObject({
    code: 0,
  });
});

test("finds split and whole bit-equal", async () => {
  const { output, code } = await bench.run("verify", model, "--plan", plan, "--seeds", "2");
  expect(output).toMatch(/^bit-equal: yes \(2\/2\)/);
  expect(code).toBe(0);
});

test("runs a request through processes by a plan of its own, and answers in NumPy's format", async () => {
  const words = ["--seeds", "1", "-o", "answer.npz"];
  const { output, errors, code } = await bench.run("run", topology, few, ...words);
  expect({ errors, code }).toEqual({ errors: "", code: 0 });
  expect(output).toContain("speeds and links emulated");
  expect(output).toMatch(/s0 on (camera|gateway|cloud)/);
  const answer = readNpz(new Uint8Array(readFileSync(bench.path("answer.npz"))), "answer.npz");
  expect(Object.values(answer)).toMatchObject([{ dataType: "float32", shape: [1, 4, 8, 8] }]);
});

test("stops quietly when nobody reads on, and writes results alone to a pipe", async () => {
  const cut = await bench.shell(`$PARTITA inspect ${model} --nodes | head -1; exit $PIPESTATUS`);
  expect(cut).toEqual({ code: 0, output: "squeezenet\n", errors: "" });
  const piped = await bench.shell(`$PARTITA zoo --list | cat`);
  expect(piped.output).not.toContain("\u001b");
});

test("leaves nothing behind when it is interrupted", async () => {
  const temporary = watch(bench.path("tmp"));
  const profiling = bench.start("profile", "zoo:resnet18", "-o", "never.profile.json");
  const closed = ended(profiling);
  // The graph is being optimised, in a temporary folder of that name.
  for await (const { filename } of temporary) if (filename?.startsWith("partita-")) break;
  profiling.kill("SIGINT");
  expect(await closed).toEqual({ code: 130, output: "", errors: "" });
  expect(readdirSync(bench.path("tmp")).filter((name) => name.includes("partita"))).toEqual([]);
  expect(readdirSync(bench.folder).filter((name) => name.includes("never"))).toEqual([]);
});
