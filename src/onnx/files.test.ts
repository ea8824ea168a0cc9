import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createBuilder } from "./build.ts";
import { readOnnxFile, writeOnnxFile } from "./files.node.ts";
import type { OnnxModel } from "./model.ts";
import { encodeOnnx, encodeSkeleton } from "./write.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "partita-files-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function model(): OnnxModel {
  const b = createBuilder({ name: "weights" });
  let last = b.input("x", "float32", [1, 300]);
  for (let layer = 0; layer < 3; layer++) {
    const values = Float32Array.from({ length: 300 }, (_, i) => i + layer);
    last = b.node("Add", [last, b.weight(`w${layer}`, [300], values)], { name: `add${layer}` });
  }
  b.output(last);
  return b.build();
}

async function answer(path: string): Promise<unknown> {
  const session = await ort.InferenceSession.create(path);
  const x = new ort.Tensor("float32", new Float32Array(300).fill(1), [1, 300]);
  const outputs = await session.run({ x });
  return Object.values(outputs)[0]?.data;
}

const expected = Float32Array.from({ length: 300 }, (_, i) => 3 * i + 4);

test.each(["never", "always", "auto"] as const)(
  "reads back what it wrote with external data %s, and the runtime agrees",
  async (externalData) => {
    const path = join(folder, "model.onnx");
    await writeOnnxFile(path, model(), { externalData });
    const files = externalData === "always" ? ["model.onnx", "model.onnx.data"] : ["model.onnx"];
    expect(readdirSync(folder)).toEqual(files);
    const read = await readOnnxFile(path);
    expect(encodeOnnx(read)).toEqual(encodeOnnx(model()));
    expect(await answer(path)).toEqual(expected);
  },
);

test("writes a self-contained file that equals the encoded bytes", async () => {
  const path = join(folder, "model.onnx");
  await writeOnnxFile(path, model());
  expect(new Uint8Array(readFileSync(path))).toEqual(encodeOnnx(model()));
});

test("puts external weights at offsets of whole pages, or each into a file of its own", () => {
  const whole = encodeSkeleton(model(), "all.data").blobs;
  expect(whole.map(({ offset, length }) => [offset, length])).toEqual([
    [0, 1200],
    [4096, 1200],
    [8192, 1200],
  ]);
  const apart = encodeSkeleton(model(), (name) => `${name}.bin`).blobs;
  expect(apart.map(({ location, offset }) => [location, offset])).toEqual([
    ["w0.bin", 0],
    ["w1.bin", 0],
    ["w2.bin", 0],
  ]);
});

test("names the file that is missing, empty, a folder or truncated", async () => {
  const path = join(folder, "model.onnx");
  await expect(readOnnxFile(path)).rejects.toMatchObject({ code: "FILE_NOT_FOUND" });
  await expect(readOnnxFile(folder)).rejects.toMatchObject({ code: "FILE_NOT_FOUND" });
  writeFileSync(path, "");
  await expect(readOnnxFile(path)).rejects.toThrow(`${path}: the model is empty`);
  await writeOnnxFile(path, model(), { externalData: "always" });
  truncateSync(`${path}.data`, 5000);
  await expect(readOnnxFile(path)).rejects.toMatchObject({ code: "ONNX_MALFORMED" });
  rmSync(`${path}.data`);
  await expect(readOnnxFile(path)).rejects.toMatchObject({ code: "FILE_NOT_FOUND" });
});

test("leaves nothing behind when a file cannot be written", async () => {
  const path = join(folder, "nowhere", "model.onnx");
  await expect(writeOnnxFile(path, model())).rejects.toMatchObject({ code: "FILE_WRITE_FAILED" });
  await writeOnnxFile(join(folder, "good.onnx"), model());
  await expect(
    writeOnnxFile(join(folder, "good.onnx", "model.onnx"), model()),
  ).rejects.toMatchObject({ code: "FILE_WRITE_FAILED" });
  expect(readdirSync(folder)).toEqual(["good.onnx"]);
});
