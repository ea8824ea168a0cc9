import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, onTestFinished, test } from "vitest";
import { createRandom, type Random } from "../../src/base/random.ts";
import { seconds } from "../../src/base/units.ts";
import type { Client } from "../../src/cluster/client.ts";
import type { Coordinator } from "../../src/cluster/coordinator.ts";
import { protocolVersion } from "../../src/cluster/greeting.ts";
import type { Message } from "../../src/cluster/message.ts";
import type { Channel, Frame, Transport } from "../../src/transport/transport.ts";
import { connect, startCluster, token, virtualSetting } from "../fixtures/cluster.ts";
import { hostileFrame, isMessage, type Lore, validFrame } from "../fixtures/hostile-frames.ts";
import { mesh, meshAnswer, meshDevices, meshInputs, meshPlan } from "../fixtures/mesh.ts";
import { sampleMessages } from "../fixtures/messages.ts";
import { spread } from "../fixtures/spread.ts";
import {
  countSleepers,
  type Tap,
  type TappedTransport,
  tapTransport,
} from "../fixtures/tapped-transport.ts";

const isLong = process.env["PARTITA_TEST_LONG"] === "1";
const batchInputs = 200;
const batches = isLong ? 500 : 25;
/** What the events and figures that are kept for a while may come to. */
const heapLimitBytes = 16 << 20;
const timeLimitMilliseconds = isLong ? 1_800_000 : 300_000;
const types = Object.keys(sampleMessages) as Message["type"][];
const fast = { heartbeatSeconds: 0.1, missedHeartbeats: 5 };

/** What a coordinator has the power to do, and what a device may truthfully say. */
const powers: ReadonlySet<string> = new Set([
  "deploy",
  "emulate",
  "fence",
  "offer",
  "retire",
  "serve",
  "shutdown",
  "suspend",
]);
const truths: ReadonlySet<string> = new Set(["drained", "failed", "lost", "serving"]);

interface Town {
  readonly setting: ReturnType<typeof virtualSetting>;
  readonly tapped: TappedTransport;
  readonly raw: Transport;
  readonly coordinator: Coordinator;
  readonly addresses: readonly string[];
  readonly client: Client;
  readonly sleepers: () => number;
  readonly strangers: Channel[];
  asked: number;
}

async function startTown(): Promise<Town> {
  const virtual = virtualSetting();
  const tapped = tapTransport(virtual.transport);
  const counted = countSleepers(virtual.clock);
  const setting = { ...virtual, transport: tapped, clock: { ...virtual.clock, ...counted } };
  const { coordinator, agents } = await startCluster(setting, mesh, meshPlan(...meshDevices), {
    ...fast,
    replan: spread(mesh.profile),
    fallbacks: false,
  });
  onTestFinished(() => coordinator.close());
  const client = await connect({ ...setting, transport: virtual.transport }, coordinator, {
    retry: { newId: createIds() },
  });
  onTestFinished(() => client.close());
  const addresses = [coordinator.address, ...[...agents.values()].flatMap((a) => a.addresses)];
  const { sleepers } = counted;
  return {
    setting,
    tapped,
    raw: virtual.transport,
    coordinator,
    addresses,
    client,
    sleepers,
    strangers: [],
    asked: 0,
  };
}

function createIds(): () => string {
  let last = 0;
  return () => `request ${++last}`;
}

/** Asks a few times; the answers must have the right bits. */
async function requireHealth(town: Town): Promise<void> {
  const { client, setting } = town;
  const requests = [0, 1, 2].map((offset) => town.asked + offset);
  town.asked += requests.length;
  const answers = await setting.until(
    Promise.all(
      requests.map((request) => client.infer(meshInputs(request), { deadlineSeconds: 60 })),
    ),
  );
  for (const [position, request] of requests.entries()) {
    expect(answers[position]?.outputs).toEqual(await meshAnswer(request));
  }
}

function loreOf(town: Town): Lore {
  return {
    devices: meshDevices,
    tensors: ["x", "a", "b", "c", "d"],
    generation: town.coordinator.status().serving ?? 1,
    request: 2 ** 20 + town.asked,
  };
}

/**
 * Says something nobody should say, as a stranger, perhaps under the name of a device, or on a
 * control channel of others. Not on a hop of others: there a frame that neither has sent is counted.
 */
async function harass(town: Town, random: Random, lore: Lore): Promise<void> {
  const taps = [...town.tapped.taps].filter(
    ({ opening, side }) =>
      opening === "join" || opening === "watch" || (opening === "open" && side === "dialler"),
  );
  if (taps.length > 0 && random.integer(3) > 0) intrude(random.pick(taps), random, lore);
  else await knock(town, random, lore);
}

function intrude({ channel, opening, side }: Tap, random: Random, lore: Lore): void {
  const isValid = random.integer(3) === 0;
  const frame = isValid ? validFrame(random, lore, random.pick(types)) : hostileFrame(random, lore);
  const banned = side === "listener" ? powers : truths;
  const isBanned = opening === "join" && banned.has(frame.header.type) && isMessage(frame);
  if (!isBanned) send(channel, frame);
}

/** A stranger, who may have the token. */
async function knock(town: Town, random: Random, lore: Lore): Promise<void> {
  const channel = await town.raw.connect(random.pick(town.addresses));
  town.strangers.push(channel);
  const pick = random.integer(4);
  if (pick === 0) send(channel, hostileFrame(random, lore));
  else send(channel, opening(random, lore, pick === 1 ? "wrong" : token));
  for (let more = random.integer(4); more > 0; more--) {
    const isValid = random.integer(2) === 0;
    send(
      channel,
      isValid ? validFrame(random, lore, random.pick(types)) : hostileFrame(random, lore),
    );
  }
  if (random.integer(3) > 0) void channel.close();
}

function opening(random: Random, lore: Lore, secret: string): Frame {
  const type = random.pick(["join", "attach", "tunnel", "open", "watch"] as const);
  const device = random.pick([...lore.devices, "mallory"]);
  const { header } = validFrame(random, lore, type);
  const who =
    type === "join" ? { name: device } : type === "open" || type === "watch" ? {} : { device };
  return {
    header: { ...header, type, ...who, protocol: protocolVersion, token: secret },
    payload: new Uint8Array(0),
  };
}

/** Whoever does not listen any more, or finds it too large, is no matter. */
function send(channel: Channel, frame: Frame): void {
  void channel.send(frame).catch(() => undefined);
}

/** What is left behind at a moment: channels, sleepers, requests and bytes. */
function remains({ tapped, sleepers, coordinator }: Town): readonly number[] {
  const { devices } = coordinator.status();
  const requests = devices.reduce((sum, device) => sum + (device.requests ?? 0), 0);
  const heldBytes = devices.reduce((sum, device) => sum + (device.heldBytes ?? 0), 0);
  return [tapped.taps.size, sleepers(), requests, heldBytes];
}

/** What is there at every moment of two seconds: who beats now and then is not left behind. */
async function leastRemains(town: Town): Promise<readonly number[]> {
  let least = remains(town);
  for (let step = 0; step < 80; step++) {
    await town.setting.clock.advance(seconds(0.025));
    least = remains(town).map((count, place) => Math.min(count, least[place] ?? count));
  }
  return least;
}

/** Strangers go, lost channels are dialled again, and every device is used again. */
async function recover(town: Town): Promise<void> {
  const { setting, coordinator } = town;
  for (const channel of town.strangers.splice(0)) void channel.close();
  await setting.clock.advance(seconds(3));
  coordinator.adopt(meshPlan(...meshDevices), "everybody again");
  await setting.clock.advance(seconds(1));
}

/** After everything that nobody holds has been collected. */
function heapBytes(): number {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  if (typeof collect === "function") collect();
  return process.memoryUsage().heapUsed;
}

/** What nobody caught, while a test runs. */
function watchFailures(): readonly unknown[] {
  const failures: unknown[] = [];
  const onFailure = (error: unknown) => failures.push(error);
  process.on("unhandledRejection", onFailure).on("uncaughtException", onFailure);
  onTestFinished(() => {
    process.off("unhandledRejection", onFailure).off("uncaughtException", onFailure);
  });
  return failures;
}

test(
  "survives strangers, devices that talk nonsense and frames at the wrong time",
  async () => {
    const failures = watchFailures();
    const town = await startTown();
    await requireHealth(town);
    await recover(town);
    const before = await leastRemains(town);
    let heapBefore = Number.POSITIVE_INFINITY;
    for (let batch = 0; batch < batches; batch++) {
      if (batch === 10) heapBefore = heapBytes();
      const random = createRandom(batch);
      const lore = loreOf(town);
      for (let input = 0; input < batchInputs; input++) {
        await harass(town, random, lore);
        if (random.integer(5) === 0) {
          await town.setting.clock.advance(seconds(random.integer(3) * 0.01));
        }
      }
      for (const channel of town.strangers.splice(0)) void channel.close();
      await requireHealth(town);
      await recover(town);
      expect(failures).toEqual([]);
      expect(town.coordinator.status().phase).toBe("serving");
    }
    // Half-open channels of strangers are let go after 10 s, waiting tunnels after 5 s.
    await town.setting.clock.advance(seconds(31));
    await recover(town);
    await requireHealth(town);
    await recover(town);
    const { devices } = town.coordinator.status();
    expect(devices.map(({ state }) => state)).toEqual(devices.map(() => "running"));
    await town.setting.clock.advance(seconds(20));
    const after = await leastRemains(town);
    for (const [place, what] of ["channels", "sleepers", "requests", "bytes"].entries()) {
      expect(after[place], `${what} that are left behind`).toBeLessThanOrEqual(before[place] ?? 0);
    }
    expect(heapBytes() - heapBefore).toBeLessThan(heapLimitBytes);
  },
  timeLimitMilliseconds,
);
