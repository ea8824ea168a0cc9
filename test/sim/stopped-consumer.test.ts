import { expect, test } from "vitest";
import type { Client } from "../../src/cluster/client.ts";
import { isBitEqual } from "../../src/runtime/compare.ts";
import { meshDevices, meshInputs } from "../fixtures/mesh.ts";
import { SpreadCluster } from "../fixtures/spread-cluster.ts";

/** Larger than a piece, so that a channel may hold half of one. */
const tensorBytes = 280_000;
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
