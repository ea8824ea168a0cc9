import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { connect, joinAgent, realSetting, startCoordinator } from "../../test/fixtures/cluster.ts";
import { byteTensor, createDigestRuntime } from "../../test/fixtures/digest-runtime.ts";
import { planOf } from "../../test/fixtures/plan-of.ts";
import { problemOf } from "../../test/fixtures/sketch.ts";
import { systemClock } from "../base/clock.node.ts";
import type { Plan } from "../plan/plan.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { listBlobs } from "./blob-folder.node.ts";
import { diskBlobStore } from "./blob-store.node.ts";
import type { BlobStore } from "./blob-store.ts";

const home = mkdtempSync(join(tmpdir(), "partita-kept-blobs-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const problem = problemOf({
  inputs: { x: 8 },
  nodes: ["a", "b", "c"].map((name, at) => ({
    name,
    reads: [["x", "a", "b"][at] as string],
    bytes: 4,
    seconds: [1],
    parameterBytes: 2048,
  })),
  outputs: ["c"],
  devices: [{ name: "camera" }],
  links: [],
  sink: "camera",
});
const plan = planOf(problem, ["camera", "camera", "camera"]) as Plan;

const digest = createDigestRuntime(systemClock);

/** Reads the weights that stand in files. */
const runtime: Runtime = {
  ...digest,
  load: (model, { files = new Map(), ...options }) => {
    const read = [...files].map(([name, { path }]) => [name, readFileSync(path)] as const);
    return digest.load({ ...model, weights: new Map([...model.weights, ...read]) }, options);
  },
};

/** Runs a whole cluster of one device on a store, and says how many blobs it had to be sent. */
async function runOnce(blobs: BlobStore): Promise<number> {
  const setting = realSetting();
  const coordinator = await startCoordinator(setting, problem, plan);
  onTestFinished(() => coordinator.close());
  let sent = 0;
  await joinAgent(setting, coordinator, "camera", {
    blobs,
    runtime,
    onEvent: (event) => {
      if (event.type === "receiving") sent += event.blobs;
    },
  });
  await coordinator.ready();
  const client = await connect(setting, coordinator);
  await client.infer({ x: byteTensor([1, 2]) });
  await client.close();
  await coordinator.close();
  return sent;
}

test("a device that starts again is sent nothing that it kept, and only what was damaged", async () => {
  const folder = join(home, "kept");
  const open = () => diskBlobStore({ folder, limitBytes: 2 ** 30 });
  expect(await runOnce(open())).toBeGreaterThan(1);
  expect(await runOnce(open())).toBe(0);
  const [oldest] = await listBlobs(folder);
  rmSync(oldest?.path ?? "");
  expect(await runOnce(open())).toBe(1);
});

test("a device fetches again what was changed on the disk after it had been checked", async () => {
  const folder = join(home, "changed");
  const blobs = diskBlobStore({ folder, limitBytes: 2 ** 30 });
  await runOnce(blobs);
  const changed = await listBlobs(folder);
  for (const { path, bytes } of changed) writeFileSync(path, new Uint8Array(bytes).fill(255));
  expect(await runOnce(blobs)).toBe(changed.length);
});

test("a device runs parts that are larger than what it may keep", async () => {
  expect(
    await runOnce(diskBlobStore({ folder: join(home, "small"), limitBytes: 100 })),
  ).toBeGreaterThan(1);
});
