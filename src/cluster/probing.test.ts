import { expect, test } from "vitest";
import { sampleMessages } from "../../test/fixtures/messages.ts";
import { seconds } from "../base/units.ts";
import { createVirtualClock } from "../base/virtual-clock.ts";
import { createMemoryTransport } from "../transport/memory.ts";
import type { Channel } from "../transport/transport.ts";
import { AgentLink } from "./agent-link.ts";
import { Probing } from "./probing.ts";

const clock = createVirtualClock();

/** A coordinator's links to two agents, and what dialled them; the first can be replaced. */
async function setUp() {
  const transport = createMemoryTransport();
  const listener = await transport.listen("coordinator:1");
  const accepted = listener[Symbol.asyncIterator]();
  const links = new Map<string, AgentLink>();
  const join = async (name: string): Promise<Channel> => {
    const agent = await transport.connect("coordinator:1");
    const { value: channel } = await accepted.next();
    links.set(name, new AgentLink({ ...sampleMessages.join, name }, channel as Channel, clock));
    return agent;
  };
  const [camera] = [await join("camera"), await join("cloud")];
  const probing = new Probing({ clock, linkOf: (device) => links.get(device) });
  return { probing, camera, join };
}

const link = {
  roundTripSeconds: 0.1,
  goodputBitsPerSecond: 1e6,
  address: "cloud",
  tunnelled: false,
};
const probed = { type: "probed", device: "cloud", bytes: 100, link, error: null } as const;

test("a device is asked once for what several want to know", async () => {
  const { probing, camera } = await setUp();
  const asked = [1, 2].map(() => probing.probe("camera", "cloud", 100));
  const { value: frame } = await camera[Symbol.asyncIterator]().next();
  expect(frame?.header).toMatchObject({ type: "probe", bytes: 100 });
  probing.hear("camera", probed);
  expect(await Promise.all(asked)).toEqual([probed, probed]);
});

test("who leaves while it measures is not waited for, and is asked again when it is back", async () => {
  const { probing, camera, join } = await setUp();
  const lost = expect(probing.probe("camera", "cloud", 100)).rejects.toMatchObject({
    code: "DEVICE_LOST",
  });
  await camera.close();
  await clock.advance(seconds(1));
  await lost;
  const again = await join("camera");
  const asked = probing.probe("camera", "cloud", 100);
  const { value: frame } = await again[Symbol.asyncIterator]().next();
  expect(frame?.header).toMatchObject({ type: "probe" });
  probing.hear("camera", probed);
  expect(await asked).toEqual(probed);
});

test("nothing is waited for longer than 30 s", async () => {
  const { probing } = await setUp();
  const lost = expect(probing.probe("camera", "cloud", 100)).rejects.toThrow(/in 30 s/);
  await clock.advance(seconds(31));
  await lost;
  await expect(probing.probe("camera", "nobody", 100)).rejects.toThrow(/'nobody' is not here/);
});
