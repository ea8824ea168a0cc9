import { expect, test } from "vitest";
import { twoDevices } from "../../../test/fixtures/probes.ts";
import type { Probed } from "../../cluster/control-message.ts";
import type { ClusterStatus } from "../../cluster/status.ts";
import { stateOf, surveyAll } from "./reach.ts";

const [camera, server] = twoDevices.devices as [
  ClusterStatus["devices"][number],
  ClusterStatus["devices"][number],
];

function withDevices(...devices: ClusterStatus["devices"][number][]): ClusterStatus {
  return { ...twoDevices, devices };
}

function found(device: string, tunnelled: boolean): Probed {
  const link = { roundTripSeconds: 1e-3, goodputBitsPerSecond: 1e8, address: "a:1", tunnelled };
  return { type: "probed", device, bytes: 1, link, error: null };
}

test("says of every pair, both ways, how it is reached and what to do", async () => {
  const gateway = { ...camera, device: "gateway" };
  const reached = await surveyAll(withDevices(camera, gateway, server), async (from, to) => {
    if (from === "camera" && to === "gateway") return found(to, true);
    if (from === "server" && to === "camera") {
      const error = { code: "CHANNEL_CLOSED", message: "no answer", details: {} } as const;
      return { ...found(to, false), link: null, error };
    }
    if (from === "server") throw new Error("it left");
    return found(to, false);
  });
  expect(reached.map((reach) => [reach.from, reach.to, reach.way, stateOf(reach)])).toEqual([
    ["camera", "gateway", "coordinator", "warning"],
    ["camera", "server", "direct", "ok"],
    ["gateway", "camera", "direct", "ok"],
    ["gateway", "server", "direct", "ok"],
    ["server", "camera", "none", "failed"],
    ["server", "gateway", "none", "failed"],
  ]);
  expect(reached[0]?.fix).toMatch(/allow the port of the agent on gateway \(10\.0\.0\.2:7001\)/);
  expect(reached[1]).toMatchObject({ address: "a:1", roundTripSeconds: 1e-3, fix: null });
  expect(reached[4]).toMatchObject({ why: "no answer", fix: expect.stringMatching(/on server/) });
  expect(reached[5]).toMatchObject({ why: "it left", fix: expect.stringMatching(/status/) });
});

test("a device sends to one and hears of one at a time", async () => {
  const names = ["a", "b", "c", "d", "e"];
  const busy = new Set<string>();
  const reached = await surveyAll(
    withDevices(...names.map((device) => ({ ...camera, device }))),
    async (from, to) => {
      for (const use of [`${from} sends`, `${to} hears`]) {
        expect(busy).not.toContain(use);
        busy.add(use);
      }
      await Promise.resolve();
      busy.delete(`${from} sends`);
      busy.delete(`${to} hears`);
      return found(to, false);
    },
  );
  expect(new Set(reached.map(({ from, to }) => `${from} ${to}`)).size).toBe(20);
});

test("asks nobody who is away or only relays", async () => {
  const asked = async (): Promise<never> => {
    throw new Error("nobody is to be asked");
  };
  const away = { ...server, state: "away" } as const;
  const relay = { ...server, device: "hub", role: "relay" } as const;
  expect(await surveyAll(withDevices(camera, away, relay), asked)).toEqual([]);
});
