import { expect, test } from "vitest";
import type { Client, InferOptions } from "../../src/cluster/client.ts";
import { pieceBytes } from "../../src/cluster/outbox.ts";
import { isBitEqual } from "../../src/runtime/compare.ts";
import { meshDevices, meshInputs } from "../fixtures/mesh.ts";
import { SpreadCluster } from "../fixtures/spread-cluster.ts";

/** Larger than a piece, so that a channel may hold half of one. */
const tensorBytes = 280_000;
/** So large that those of a full window do not fit into a channel. */
const largeBytes = 600_000;
/** What a channel takes although little has arrived. */
const channelBytes = 1 << 20;
/** Of the mesh's four: what a device holds of one request at most, if it made or got them all. */
const requestBytes = 4 * tensorBytes;
/** So patient that who is stopped is not taken for lost. */
const patient = { heartbeatSeconds: 0.1, missedHeartbeats: 10_000 };

/** Bytes that devices hold, by their last heartbeats; tensors, not the kernels' buffers. */
function held({ coordinator }: SpreadCluster): Record<string, number> {
  const { devices } = coordinator.status();
  return Object.fromEntries(devices.map(({ device, heldBytes }) => [device, heldBytes ?? 0]));
}

/** The most that each device holds while time passes. */
async function peakHeld(cluster: SpreadCluster, duration: number): Promise<Record<string, number>> {
  const peak: Record<string, number> = {};
  for (let passed = 0; passed < duration; passed += 0.05) {
    await cluster.pass(0.05);
    for (const [device, bytes] of Object.entries(held(cluster))) {
      peak[device] = Math.max(peak[device] ?? 0, bytes);
    }
  }
  return peak;
}

/** A program that asks without waiting for answers. */
function askAtOnce(cluster: SpreadCluster, client: Client, from: number, count: number) {
  const asked = Array.from({ length: count }, async (_, offset) => {
    const inputs = meshInputs(from + offset);
    const { outputs } = await client.infer(inputs);
    expect(isBitEqual(outputs, await cluster.answerTo(inputs))).toBe(true);
  });
  const all = Promise.all(asked);
  all.catch(() => undefined);
  return all;
}

test.each(["shed", "cloud"])(
  "memory stays bounded while '%s' is stopped and programs go on asking; then all is answered",
  async (stopped) => {
    const cluster = await SpreadCluster.start({ ...patient, tensorBytes, fallbacks: false });
    const client = await cluster.connect();
    const { window } = client;
    const first = askAtOnce(cluster, client, 0, window);
    await cluster.pass(0.2);
    cluster.network.pause(stopped, "runs");
    const asked = [first, askAtOnce(cluster, client, window, window)];
    const soon = await peakHeld(cluster, 2);
    asked.push(askAtOnce(cluster, client, 2 * window, window));
    const late = await peakHeld(cluster, 5);
    for (const device of meshDevices) {
      // What waits to be sent is kept for a replay as well: the same bytes, counted twice.
      const bound = 2 * window * requestBytes;
      expect(soon[device], `${device} at first`).toBeLessThanOrEqual(bound);
      expect(late[device], `${device} later`).toBeLessThanOrEqual(soon[device] ?? 0);
    }
    expect(Math.max(...Object.values(late))).toBeGreaterThan(tensorBytes);

    await Promise.all([
      cluster.network.resume(stopped, "frames"),
      cluster.setting.until(Promise.all(asked)),
    ]);
    await cluster.pass(1);
    expect(held(cluster)).toEqual(Object.fromEntries(meshDevices.map((name) => [name, 0])));
    expect(cluster.coordinator.status().serving).toBe(1);
  },
);

test("what is given up or too late leaves the devices, although it waits for a slow link", async () => {
  const cluster = await SpreadCluster.start({
    ...patient,
    tensorBytes: largeBytes,
    fallbacks: false,
  });
  const client = await cluster.connect();
  cluster.network.shape("camera", "shed", { latencySeconds: 0.005, bandwidthBitsPerSecond: 2e6 });
  const failures: unknown[] = [];
  const ask = async (request: number, how: InferOptions): Promise<void> => {
    await client.infer(meshInputs(request), how).catch(({ code }) => failures.push(code));
  };
  const gone = new AbortController();
  const half = client.window / 2;
  for (let request = 0; request < half; request++) {
    void ask(request, { deadlineSeconds: 2 });
    void ask(request + half, { signal: gone.signal });
  }
  await cluster.pass(1);
  const full = held(cluster);
  expect(full).toMatchObject({ camera: expect.any(Number), cloud: 0 });
  expect(Math.min(full["camera"] ?? 0, full["attic"] ?? 0)).toBeGreaterThan(half * largeBytes);

  gone.abort({ code: "given up" });
  await cluster.pass(2);
  expect(failures.filter((code) => code === "given up")).toHaveLength(half);
  expect(failures.filter((code) => code === "REQUEST_DEADLINE_EXCEEDED")).toHaveLength(half);
  // What a channel has taken stays until the other side has heard it.
  const freed = held(cluster);
  expect(freed).toMatchObject({ attic: 0, cloud: 0 });
  expect(freed["camera"]).toBeLessThan(channelBytes + pieceBytes);

  await cluster.pass(6);
  expect(held(cluster)).toEqual(Object.fromEntries(meshDevices.map((name) => [name, 0])));
  await cluster.setting.until(askAtOnce(cluster, client, 100, 5));
});
