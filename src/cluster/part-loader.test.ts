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
import { CodedError } from "../base/errors.ts";
import { seconds } from "../base/units.ts";
import { createVirtualClock } from "../base/virtual-clock.ts";
import type { Runtime, SessionOptions } from "../runtime/runtime.ts";
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
/** Of a part without weights. */
const unweighed = toBinary(ModelProtoSchema, modelOfGraph({ ...graph, nodes: [] }).proto);
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
  for (const bytes of [skeleton, weight, unweighed])
    await blobs.write(sha256Hex(bytes), bytes.length, 0, bytes);
  const log: string[] = [];
  const clock = createVirtualClock();
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
    loader: new PartLoader({ device: "d", memoryBytes, idleBytes, runtime, blobs, clock }),
    blobs,
    log,
    clock,
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

test("has another tenant wait for what the others let go of, and not for what it uses itself", async () => {
  const { loader, log, clock } = await setUp({ memoryBytes: 2 * weight.length - 1 });
  const { signal } = new AbortController();
  const [one, second] = [{}, {}].map((tenant) => ({ tenant, signal }));
  const first = await loader.load([part], undefined, one);
  await expect(loader.load([other], undefined, one)).rejects.toMatchObject({
    code: "PART_REFUSED",
  });
  expect(clock.now()).toBe(0);
  const moving = loader.load([other], undefined, second);
  await clock.advance(seconds(4));
  first.release();
  expect((await moving).sessions.size).toBe(1);
  expect(log).toEqual(["load 1", "release 1", "load 2"]);
});

test("keeps nothing of a tenant that leaves, but for what another one has used", async () => {
  const bytes = Math.max(weight.length, part.memoryBytes);
  const { loader, log } = await setUp({ idleBytes: 2 * bytes });
  const { signal } = new AbortController();
  const [one, second] = [{}, {}];
  (await loader.load([part, other], undefined, { tenant: one, signal })).release();
  const shared = await loader.load([part], undefined, { tenant: second, signal });
  await loader.forget(one);
  expect(log).toEqual(["load 1", "load 2", "release 2"]);
  shared.release();
  await loader.sweep();
  await loader.forget(second);
  expect(log).toEqual(["load 1", "load 2", "release 2", "release 1"]);
  // What it has begun to load is let go of when it is there.
  const loading = loader.load([part], undefined, { tenant: one, signal });
  const leaving = loader.forget(one);
  (await loading).release();
  await leaving;
  await loader.forget(second);
  expect(log.slice(4)).toEqual(["load 1", "release 1"]);
});

test("releases parts in the end that need no memory, too", async () => {
  const { loader, log } = await setUp({ idleBytes: 100 });
  const light = { ...part, skeleton: reference(unweighed), weights: [], memoryBytes: 0 };
  (await loader.load([light])).release();
  await loader.sweep();
  expect(log).toEqual(["load 1"]);
  await loader.clear();
  expect(log).toEqual(["load 1", "release 1"]);
});

test("does not wait for ever for what others use, nor for somebody who has given up", async () => {
  const { loader, clock } = await setUp({ memoryBytes: 2 * weight.length - 1 });
  const giveUp = new AbortController();
  const { signal } = new AbortController();
  await loader.load([part], undefined, { tenant: {}, signal });
  const refused = { code: "PART_REFUSED", details: { othersBytes: weight.length } };
  const given = expect(
    loader.load([other], undefined, { tenant: {}, signal: giveUp.signal }),
  ).rejects.toMatchObject(refused);
  const late = expect(
    loader.load([other], undefined, { tenant: {}, signal }),
  ).rejects.toMatchObject(refused);
  await clock.advance(seconds(1));
  giveUp.abort();
  await given;
  await clock.advance(seconds(5));
  await late;
});

test("leaves weights in their files, which count for nothing where the system may give them up", async () => {
  const blobs = Object.assign(memoryBlobStore(), {
    file: async (name: string) => `/blobs/${name}`,
  });
  await blobs.write(sha256Hex(skeleton), skeleton.length, 0, skeleton);
  const loads: SessionOptions[] = [];
  const digest = createDigestRuntime(systemClock);
  const runtime: Runtime = {
    ...digest,
    load: async (loading, options) => {
      expect(loading.weights.size).toBe(0);
      loads.push(options);
      return await digest.load(model, options);
    },
  };
  const memoryBytes = part.memoryBytes + weight.length;
  const loader = new PartLoader({
    device: "d",
    memoryBytes: 100,
    runtime,
    blobs,
    clock: systemClock,
  });
  const [kept, thrifty] = [
    { ...part, memoryBytes },
    { ...part, memoryBytes, thrifty: true },
  ];
  await expect(loader.load([kept])).rejects.toMatchObject({ code: "PART_REFUSED" });
  (await loader.load([thrifty])).release();
  const file = { path: `/blobs/${sha256Hex(weight)}`, bytes: weight.length };
  expect(loads.map(({ files }) => [...(files ?? [])])).toEqual([[["w:a", file]]]);
  await loader.clear();
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
  const loader = new PartLoader({
    device: "d",
    cores: 1,
    memoryBytes: null,
    runtime,
    blobs,
    clock: systemClock,
  });
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

/** A runtime whose sessions can be made to die. */
function mortal() {
  const digest = createDigestRuntime(systemClock);
  const died = new CodedError("RUNTIME_FAILED", "the thread is gone");
  const deaths: (() => void)[] = [];
  const released: number[] = [];
  let refuses = false;
  const runtime: Runtime = {
    ...digest,
    load: async (loading, options) => {
      if (refuses) throw new CodedError("RUNTIME_FAILED", "it does not load any more");
      const session = await digest.load(loading, options);
      const number = deaths.length;
      let isDead = false;
      const death = new Promise<CodedError>((resolve) => {
        deaths.push(() => {
          isDead = true;
          resolve(died);
        });
      });
      return {
        ...session,
        run: async (inputs) => {
          if (isDead) throw died;
          return await session.run(inputs);
        },
        release: async () => void released.push(number),
        died: death,
      };
    },
  };
  const refuse = () => {
    refuses = true;
  };
  return { runtime, deaths, released, refuse };
}

async function loadMortal() {
  const { blobs } = await setUp();
  const { runtime, ...host } = mortal();
  const loader = new PartLoader({
    device: "d",
    memoryBytes: null,
    runtime,
    blobs,
    clock: systemClock,
  });
  const lost: string[] = [];
  const loaded = await loader.load([part], ({ message }) => lost.push(message));
  const session = loaded.sessions.get("s0") ?? expect.fail("no session");
  const run = async () => (await session.run({ x: byteTensor([5]) })).outputs;
  return { ...host, loader, loaded, lost, run };
}

test("a session that dies is loaded again, and runs that come meanwhile wait for it", async () => {
  const { deaths, released, lost, run, loader } = await loadMortal();
  const before = await run();
  for (let death = 0; death < 3; death++) {
    deaths[death]?.();
    await Promise.resolve();
    expect(await run()).toEqual(before);
  }
  expect([deaths.length, released, lost]).toEqual([4, [0, 1, 2], []]);
  await loader.clear();
  expect(released).toEqual([0, 1, 2, 3]);
});

test("a session that dies three times before it has run is lost; whoever wants the part again loads it anew", async () => {
  const { deaths, released, lost, run, loader, loaded } = await loadMortal();
  const before = await run();
  for (let death = 0; death < 2; death++) {
    deaths[death]?.();
    await Promise.resolve();
    // Loads go in turn: behind this one the session is there again. The other one is number 2.
    await loader.load([other]);
  }
  expect(lost).toEqual([]);
  deaths[3]?.();
  await Promise.resolve();
  await expect(run()).rejects.toMatchObject({ code: "RUNTIME_FAILED" });
  expect(released).toEqual([0, 1, 3]);
  expect(lost).toEqual(["the thread is gone"]);
  loaded.release();
  const again = (await loader.load([part])).sessions.get("s0");
  expect((await again?.run({ x: byteTensor([5]) }))?.outputs).toEqual(before);
});

test("a session that dies and cannot be loaded again is lost, and those who have released it are not told", async () => {
  const { deaths, lost, run, loader, loaded, refuse } = await loadMortal();
  const others: string[] = [];
  await loader.load([part], ({ message }) => others.push(message));
  loaded.release();
  refuse();
  deaths[0]?.();
  await Promise.resolve();
  await expect(run()).rejects.toMatchObject({ message: "it does not load any more" });
  expect([lost, others]).toEqual([[], ["it does not load any more"]]);
});
