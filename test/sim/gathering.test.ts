import { expect, onTestFinished, test } from "vitest";
import { createRandom } from "../../src/base/random.ts";
import { bitsPerSecond, seconds } from "../../src/base/units.ts";
import { gather } from "../../src/cluster/gathering.ts";
import { Network } from "../../src/sim/network.ts";
import {
  connect,
  joinAgent,
  startCoordinator,
  token,
  virtualSetting,
} from "../fixtures/cluster.ts";
import { mesh, meshAnswer, meshDevices, meshInputs, meshPlan } from "../fixtures/mesh.ts";

test("measures who has joined, in both directions, and lets them go on to the coordinator", async () => {
  const setting = virtualSetting();
  const { clock } = setting;
  const link = { latencySeconds: 0.01, bandwidthBitsPerSecond: bitsPerSecond(8e6) };
  const network = new Network({ clock, random: createRandom(1), link });
  const hub = network.boot("hub");
  const joined: string[] = [];
  const gathering = gather({
    ...hub,
    transport: hub.transport,
    clock: hub.clock,
    listen: "hub:1",
    token,
    devices: meshDevices,
    onJoined: (device) => joined.push(device),
  });
  network.shape("camera", "cloud", { ...link, bandwidthBitsPerSecond: 2e6 });
  for (const name of meshDevices) {
    const { transport, clock: own } = network.boot(name);
    const agent = joinAgent({ ...setting, transport, clock: own }, { address: "hub:1" }, name, {
      listen: `${name}:0`,
      memoryBytes: 1e6,
      benchmarkSeconds: 0.5,
    });
    await setting.until(agent);
    onTestFinished(async () => void (await agent).close());
  }
  // Nobody can dial the shed: what goes there goes through the hub.
  network.hide("shed", "swallowed");
  const found = await setting.until(gathering);
  expect(joined).toEqual(meshDevices);
  expect(found.address).toBe("hub:1");
  expect(found.devices).toEqual(
    meshDevices.map((device) => ({ device, cores: 1, memoryBytes: 1e6, benchmarkSeconds: 0.5 })),
  );
  expect(found.links).toHaveLength(12);
  const rateOf = (from: string, to: string) =>
    found.links.find((one) => one.from === from && one.to === to)?.link;
  expect(rateOf("camera", "cloud")?.goodputBitsPerSecond).toBeCloseTo(2e6, -5);
  expect(rateOf("cloud", "camera")?.goodputBitsPerSecond).toBeCloseTo(8e6, -6);
  expect(rateOf("cloud", "camera")?.roundTripSeconds).toBeCloseTo(0.02, 3);

  const onHub = { ...setting, transport: hub.transport, clock: hub.clock };
  const coordinator = await startCoordinator(onHub, mesh, meshPlan(...meshDevices), {
    listen: "hub:1",
  });
  await setting.until(coordinator.ready());
  const client = await connect(onHub, coordinator);
  const answer = setting.until(client.infer(meshInputs(7)));
  expect((await answer).outputs).toEqual(await meshAnswer(7));
  const again = setting.until(coordinator.probe("attic", "cloud", 100_000));
  expect((await again).link?.goodputBitsPerSecond).toBeCloseTo(8e6, -6);
  await expect(coordinator.probe("attic", "moon", 1)).rejects.toMatchObject({
    code: "DEVICE_LOST",
  });
  const closing = Promise.all([client.close(), coordinator.close()]);
  await clock.advance(seconds(3));
  await closing;
});
