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
import type { Runtime } from "../runtime/runtime.ts";
import { memoryBlobStore } from "./blob-store.ts";
import type { OfferedPart } from "./control-message.ts";
import { PartLoader } from "./part-loader.ts";
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
/** Another one, by its threads. */
const other: OfferedPart = { ...part, stage: "s1", threads: 2 };

async function setUp({ memoryBytes = null as number | null, idleBytes = 0 } = {}) {
  const blobs = memoryBlobStore();
  for (const bytes of [skeleton, weight])
    await blobs.write(sha256Hex(bytes), bytes.length, 0, bytes);
  const log: string[] = [];
  const digest = createDigestRuntime(systemClock);
  const runtime: Runtime = {
    ...digest,
    load: async (loading, options) => {
      log.push(`load ${options.threads}`);
      const session = await digest.load(loading, options);
      return { ...session, release: async () => void log.push(`release ${options.threads}`) };
    },
  };
  return {
    loader: new PartLoader({ device: "d", memoryBytes, idleBytes, runtime, blobs }),
    blobs,
    log,
  };
}

test("loads a part that does what the whole does", async () => {
  const { loader } = await setUp();
  const session = (await loader.load([part])).sessions.get("s0");
  const whole = await createDigestRuntime(systemClock).load(model, { threads: 1 });
  expect((await session?.run({ x: byteTensor([5]) }))?.outputs).toEqual(
    (await whole.run({ x: byteTensor([5]) })).outputs,
  );
});

test("shares a part between generations and releases it when the last one is gone", async () => {
  const { loader, log } = await setUp();
  const first = await loader.load([part]);
  const second = await loader.load([{ ...part, stage: "renamed" }, other]);
  expect(second.sessions.get("renamed")).toBe(first.sessions.get("s0"));
  first.release();
  first.release();
  await loader.sweep();
  expect(log).toEqual(["load 1", "load 2"]);
  second.release();
  await loader.sweep();
  expect(log).toEqual(["load 1", "load 2", "release 2", "release 1"]);
});

test("keeps those that were used last while they are light enough, and none in the end", async () => {
  const bytes = Math.max(weight.length, part.memoryBytes);
  const { loader, log } = await setUp({ idleBytes: 2 * bytes - 1 });
  const first = await loader.load([part]);
  (await loader.load([other])).release();
  first.release();
  await loader.sweep();
  expect(log).toEqual(["load 1", "load 2", "release 2"]);
  (await loader.load([part])).release();
  await loader.clear();
  expect(log).toEqual(["load 1", "load 2", "release 2", "release 1"]);
});

test("keeps a part that nobody uses until it is swept or room is needed", async () => {
  const { loader, log } = await setUp({ memoryBytes: weight.length });
  (await loader.load([part])).release();
  (await loader.load([part])).release();
  expect(log).toEqual(["load 1"]);
  await loader.load([other]);
  expect(log).toEqual(["load 1", "release 1", "load 2"]);
});

test("refuses what does not fit beside what is in use, counting at least the weights", async () => {
  const tooSmall = await setUp({ memoryBytes: weight.length - 1 });
  await expect(tooSmall.loader.load([part])).rejects.toMatchObject({
    code: "PART_REFUSED",
    details: { neededBytes: weight.length },
  });
  const { loader } = await setUp({ memoryBytes: 2 * weight.length - 1 });
  await loader.load([part]);
  await expect(loader.load([other])).rejects.toMatchObject({
    code: "PART_REFUSED",
    details: { neededBytes: weight.length, usedBytes: weight.length },
  });
  await loader.load([part]);
});

test("releases what it had loaded when another part of the same offer fails", async () => {
  const { loader, log } = await setUp();
  const absent = { ...other, skeleton: { sha256: "0".repeat(64), bytes: 3 } };
  await expect(loader.load([part, absent])).rejects.toMatchObject({ code: "PART_REFUSED" });
  expect(log).toEqual(["load 1", "release 1"]);
});

test("says so when a skeleton is no model", async () => {
  const { loader, blobs } = await setUp();
  const nonsense = new Uint8Array([255, 255, 255]);
  await blobs.write(sha256Hex(nonsense), nonsense.length, 0, nonsense);
  const broken = { ...part, skeleton: reference(nonsense) };
  await expect(loader.load([broken])).rejects.toMatchObject({ code: "ONNX_MALFORMED" });
});

test("refuses a part that wants more threads than the device has cores, with both numbers", async () => {
  const { blobs } = await setUp();
  const runtime = createDigestRuntime(systemClock);
  const loader = new PartLoader({ device: "d", cores: 1, memoryBytes: null, runtime, blobs });
  await expect(loader.load([part, other])).rejects.toMatchObject({
    code: "PART_REFUSED",
    message: expect.stringMatching(/s1 wants 2 threads.* 1 cores.*--threads 1/),
  });
  expect((await loader.load([part])).sessions.size).toBe(1);
});

test("leaves nothing loaded at the end, not even what was being loaded", async () => {
  const { loader, log } = await setUp();
  const late = loader.load([part]).then((loaded) => loaded.release());
  await loader.clear();
  await late;
  expect(log).toEqual(["load 1", "release 1"]);
});
