/**
 * Reads a model with about 250 MB of weights, cuts it into three parts and writes them, each time in a
 * process of its own: `npm run bench -- onnx-io`. Memory is the peak above that of a bare process.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import Table from "cli-table3";

interface Sample {
  readonly seconds: number;
  readonly peakBytes: number;
}

const width = 2048;
const layers = 15;
const repeats = 5;
const parts = 3;
const targets = { seconds: 1.5, memoryRatio: 1.5 };
const here = fileURLToPath(import.meta.url);
const [, , mode, folder = ""] = process.argv;

if (mode === "bare") report(0);
else if (mode === "split") await split(folder);
else if (mode === "write") await writeModel(folder);
else measureAll();

function report(seconds: number): void {
  const sample: Sample = { seconds, peakBytes: process.resourceUsage().maxRSS * 1024 };
  console.log(JSON.stringify(sample));
}

async function split(directory: string): Promise<void> {
  // Imports are what any command pays; they are in the memory, not in the time.
  const { extractPart } = await import("../dist/onnx/extract.js");
  const { readOnnxFile, writeOnnxFile } = await import("../dist/onnx/files.node.js");
  const { nameNodes } = await import("../dist/onnx/names.js");
  const start = performance.now();
  const model = nameNodes(await readOnnxFile(join(directory, "model.onnx")));
  const nodes = model.proto.graph?.node.map(({ name }) => name) ?? [];
  const tensors = model.proto.graph?.node.flatMap(({ output }) => output) ?? [];
  const type = { dataType: "float32", shape: [1, width] };
  const types = new Map(["x", ...tensors].map((name) => [name, type]));
  for (let part = 0; part < parts; part++) {
    const [first, end] = [part, part + 1].map((index) => (nodes.length * index) / parts);
    const extracted = extractPart(model, nodes.slice(first, end), types);
    await writeOnnxFile(join(directory, `part-${part}.onnx`), extracted);
  }
  report((performance.now() - start) / 1000);
}

/** In a process of its own as well: on Linux the peak of a process starts at that of its parent. */
async function writeModel(directory: string): Promise<void> {
  const { createBuilder } = await import("../dist/onnx/build.js");
  const { writeOnnxFile } = await import("../dist/onnx/files.node.js");
  const b = createBuilder({ name: "wide" });
  let last = b.input("x", "float32", [1, width]);
  for (let layer = 0; layer < layers; layer++) {
    const values = new Float32Array(width * width).fill(layer / width);
    last = b.node("MatMul", [last, b.weight(`w${layer}`, [width, width], values)]);
  }
  b.output(last, "float32", [1, width]);
  const path = join(directory, "model.onnx");
  await writeOnnxFile(path, b.build(), { externalData: "never" });
  report(0);
}

function sampleOf(argument: string, directory: string): Sample {
  const text = execFileSync(process.execPath, [here, argument, directory], { encoding: "utf8" });
  return JSON.parse(text) as Sample;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function measureAll(): void {
  const directory = mkdtempSync(join(tmpdir(), "partita-onnx-io-"));
  try {
    sampleOf("write", directory);
    const fileBytes = statSync(join(directory, "model.onnx")).size;
    sampleOf("split", directory);
    const samples = Array.from({ length: repeats }, () => sampleOf("split", directory));
    const bare = Array.from({ length: repeats }, () => sampleOf("bare", directory));
    const bareBytes = median(bare.map(({ peakBytes }) => peakBytes));
    const peakBytes = median(samples.map((sample) => sample.peakBytes));
    const result = {
      command: "npm run bench -- onnx-io",
      measuredAt: new Date().toISOString(),
      machine: `${cpus().length} x ${cpus()[0]?.model}, Node ${process.version}`,
      repeats,
      parts,
      fileBytes,
      medianSeconds: median(samples.map(({ seconds }) => seconds)),
      allSeconds: samples.map(({ seconds }) => seconds),
      peakBytes,
      bareProcessBytes: bareBytes,
      memoryRatio: (peakBytes - bareBytes) / fileBytes,
      memoryRatioWithProcess: peakBytes / fileBytes,
      targets,
    };
    print(result);
    mkdirSync("bench/results", { recursive: true });
    writeFileSync("bench/results/onnx-io.json", `${JSON.stringify(result, null, 2)}\n`);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function print(result: {
  fileBytes: number;
  medianSeconds: number;
  memoryRatio: number;
  memoryRatioWithProcess: number;
}): void {
  const table = new Table({ head: ["read + cut into 3 + write", "measured", "target"] });
  table.push(
    ["file", `${(result.fileBytes / 1e6).toFixed(0)} MB`, ""],
    ["seconds, median of 5", result.medianSeconds.toFixed(3), `<= ${targets.seconds}`],
    ["peak memory ÷ file", result.memoryRatio.toFixed(2), `<= ${targets.memoryRatio}`],
    ["the same with the process itself", result.memoryRatioWithProcess.toFixed(2), ""],
  );
  console.log(table.toString());
}
