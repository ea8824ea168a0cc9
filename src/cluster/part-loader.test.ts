import { toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "onnx-buf";
import { expect, test } from "vitest";
import {
  byteTensor,
  createDigestRuntime,
  modelOfGraph,
} from "../../test/fixtures/digest-runtime.ts";
import { problemOf } from "../../test/fixtures/sketch.ts";
import { systemClock } from "../base/clock.node.ts";
import type { OfferedPart } from "./message.ts";
import { type BlobStore, PartLoader } from "./part-loader.ts";
import { sha256Hex } from "./secret.ts";

const { graph } = problemOf({
  inputs: { x: 1 },
  nodes: [{ name: "a", reads: ["x"], bytes: 1, seconds: [1] }],
  outputs: ["a"],
  devices: [{ name: "d" }],
  links: [],
}).index;
const model = modelOfGraph(graph);
const skeleton = toBinary(ModelProtoSchema, model.proto);
const weight = model.weights.get("w:a") ?? new Uint8Array();
const reference = (bytes: Uint8Array) => ({ sha256: sha256Hex(bytes), bytes: bytes.length });
const part: OfferedPart = {
  stage: "s0",
  skeleton: reference(skeleton),
  weights: [{ name: "w:a", ...reference(weight) }],
  threads: 1,
  memoryBytes: 100,
};

function setUp({ memoryBytes = null as number | null, blobs = new Map() as BlobStore } = {}) {
  const runtime = createDigestRuntime(systemClock);
  return new PartLoader([part], { device: "d", memoryBytes, runtime, blobs });
}

const piece = (bytes: Uint8Array, offset = 0) =>
  ({ type: "blob", sha256: sha256Hex(bytes), offset }) as const;

test("loads a part whose blobs came in pieces", async () => {
  const loader = setUp();
  expect(loader.missing).toEqual([sha256Hex(skeleton), sha256Hex(weight)]);
  loader.accept(piece(weight), weight.subarray(0, 1000));
  loader.accept(piece(skeleton), skeleton);
  loader.accept(piece(weight, 1000), weight.subarray(1000));
  expect(loader.missing).toEqual([]);
  const session = (await loader.load()).get("s0");
  const whole = await createDigestRuntime(systemClock).load(model, { threads: 1 });
  expect((await session?.run({ x: byteTensor([5]) }))?.outputs).toEqual(
    (await whole.run({ x: byteTensor([5]) })).outputs,
  );
});

test("refuses a blob that was changed on the way", () => {
  const changed = weight.slice();
  changed[7] = 255;
  expect(() => setUp().accept(piece(weight), changed)).toThrow(
    expect.objectContaining({ code: "PART_REFUSED" }),
  );
});

test("refuses pieces that nobody asked for, out of order or too long", () => {
  const malformed = expect.objectContaining({ code: "FRAME_MALFORMED" });
  expect(() => setUp().accept(piece(new Uint8Array(3)), new Uint8Array(3))).toThrow(malformed);
  expect(() => setUp().accept(piece(weight, 5), weight.subarray(5))).toThrow(malformed);
  expect(() => setUp().accept(piece(weight), new Uint8Array(weight.length + 1))).toThrow(malformed);
});

test("counts at least the weights when it compares a part with the memory", () => {
  expect(() => setUp({ memoryBytes: weight.length })).not.toThrow();
  expect(() => setUp({ memoryBytes: weight.length - 1 })).toThrow(
    expect.objectContaining({
      code: "PART_REFUSED",
      details: expect.objectContaining({ neededBytes: weight.length }),
    }),
  );
});

test("says so when a skeleton is no model", async () => {
  const nonsense = new Uint8Array([255, 255, 255]);
  const runtime = createDigestRuntime(systemClock);
  const broken = { ...part, skeleton: reference(nonsense), weights: [] };
  const blobs: BlobStore = new Map([[sha256Hex(nonsense), nonsense]]);
  const loader = new PartLoader([broken], { device: "d", memoryBytes: null, runtime, blobs });
  await expect(loader.load()).rejects.toMatchObject({ code: "ONNX_MALFORMED" });
});
