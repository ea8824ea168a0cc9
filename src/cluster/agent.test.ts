import { expect, onTestFinished, test } from "vitest";
import { byteTensor } from "../../test/fixtures/digest-runtime.ts";
import {
  eventLog,
  orders,
  ScriptedControl,
  startScript,
  token,
} from "../../test/fixtures/scripted-coordinator.ts";
import { CodedError } from "../base/errors.ts";
import { seconds } from "../base/units.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { AgentOptions, AgentTrace } from "./agent-options.ts";
import type { DataChannelKind } from "./data-message.ts";
import { DeviceResources } from "./device-resources.ts";
import { protocolVersion } from "./greeting.ts";
import type { Message } from "./message.ts";
import { encodeMessage } from "./protocol.ts";

/** A source that runs everything by itself in generation 1, and its coordinator. */
async function startAlone(options: Partial<AgentOptions> = {}) {
  const script = await startScript();
  const listener = await script.listen();
  const joining = script.join("camera", options);
  const control = await ScriptedControl.accept(listener);
  const camera = await joining;
  onTestFinished(() => camera.close());
  const whole = orders(1, ["camera", "camera"]);
  await control.load(whole.offer("camera"));
  await control.deploy(whole.deploy("camera", {}));
  await control.say({ type: "serve", generation: 1, replay: false });
  await control.hear("serving");
  const client = await script.connect(camera.addresses[0] ?? "");
  const ask = (byte: number) => script.passing(client.infer({ x: byteTensor([byte]) }));
  return { ...script, listener, control, camera, client, ask, whole };
}

test("goes on without its coordinator, joins it again and says what it runs", async () => {
  const { events, onEvent } = eventLog();
  const { listener, control, ask, clock } = await startAlone({ onEvent });
  const before = await ask(7);
  await control.channel.close();
  await clock.advance(seconds(0.01));
  const meanwhile = await ask(7);
  expect(meanwhile.outputs).toEqual(before.outputs);
  const again = await ScriptedControl.accept(listener);
  expect(again.join).toMatchObject({ generations: [1], serving: 1, incarnation: "of camera" });
  await clock.advance(seconds(1));
  expect(events.map(({ type }) => type)).toEqual([
    "joined",
    "receiving",
    "loaded",
    "deployed",
    "serving",
    "parted",
    "joined",
  ]);
});

test("dials less and less often while nobody is there, and for ever", async () => {
  const { listener, control, clock, listen } = await startAlone();
  await listener.close();
  await control.channel.close();
  await clock.advance(seconds(3600));
  const again = await listen();
  const back = ScriptedControl.accept(again);
  await clock.advance(seconds(2.1));
  expect((await back).join.serving).toBe(1);
});

test("takes a coordinator that falls silent to be gone", async () => {
  const script = await startScript();
  const listener = await script.listen();
  const joining = script.join("camera");
  await ScriptedControl.accept(listener, 0.5);
  const camera = await joining;
  onTestFinished(() => camera.close());
  await script.clock.advance(seconds(2.4));
  const again = ScriptedControl.accept(listener, 0.5);
  await script.clock.advance(seconds(1.6));
  expect((await again).join.name).toBe("camera");
});

test("ends the channel on which something unreadable comes, and nothing else", async () => {
  const { listener, control, ask, clock } = await startAlone();
  await control.channel.send({ header: { type: "nonsense" }, payload: new Uint8Array() });
  await clock.advance(seconds(1));
  expect((await ScriptedControl.accept(listener)).join.serving).toBe(1);
  expect((await ask(1)).outputs["b"]).toBeDefined();
});

test("ends when the coordinator does not want it any more", async () => {
  const { listener, control, camera, clock } = await startAlone();
  await control.channel.close();
  const next = await listener[Symbol.asyncIterator]().next();
  const refusal = { code: "TOKEN_REFUSED", message: "no", details: {} };
  await next.value?.send({
    header: { type: "refused", error: refusal },
    payload: new Uint8Array(),
  });
  await clock.advance(seconds(1));
  expect(await camera.ended).toMatchObject({ code: "TOKEN_REFUSED" });
});

test("says that a generation cannot run here, and goes on with the others", async () => {
  const { control, ask, clock } = await startAlone();
  const [part] = orders(2, ["camera", "camera"]).offer("camera").body.parts;
  const wrong = { sha256: "0".repeat(64), bytes: 1 };
  const parts = part === undefined ? [] : [{ ...part, skeleton: wrong, threads: 2 }];
  await control.say({ type: "offer", generation: 2, purpose: "load", body: { parts } });
  expect((await control.hear("want")).body.blobs).toEqual([{ sha256: wrong.sha256, offset: 0 }]);
  for (let time = 0; time < 4; time++) {
    await control.say({ type: "blob", sha256: wrong.sha256, offset: 0 }, new Uint8Array(1));
  }
  expect(await control.hear("failed")).toMatchObject({
    generation: 2,
    error: { code: "PART_REFUSED" },
  });
  await clock.advance(seconds(1));
  expect((await ask(1)).outputs["b"]).toBeDefined();
});

test("loads a part that a later generation keeps only once, and no part that it has not got", async () => {
  const { control, loads, whole } = await startAlone();
  const again = { ...whole.offer("camera"), generation: 2 };
  expect(await control.load(again)).toEqual([]);
  expect(loads.length).toBe(1);
  await control.say({ ...whole.deploy("camera", {}), generation: 3 });
  expect(await control.hear("failed")).toMatchObject({
    generation: 3,
    error: { code: "PART_REFUSED" },
  });
});

test("does twice what it is told twice without harm, and nothing of what is fenced", async () => {
  const { listener, control, whole, ask, clock } = await startAlone();
  const next = orders(2, ["camera", "camera"]);
  await control.load(next.offer("camera"));
  await control.load(next.offer("camera"));
  await control.deploy(next.deploy("camera", {}));
  await control.deploy({ ...next.deploy("camera", {}), fences: true });
  await control.say({ type: "serve", generation: 2, replay: true });
  await control.say({ type: "serve", generation: 2, replay: false });
  await control.say({ type: "fence", below: 2 });
  await control.say(whole.offer("camera"));
  await control.say(whole.deploy("camera", {}));
  await control.say({ type: "retire", generation: 1 });
  await clock.advance(seconds(1));
  expect((await ask(1)).outputs["b"]).toBeDefined();
  await control.channel.close();
  expect((await ScriptedControl.accept(listener)).join).toMatchObject({
    generations: [2],
    serving: 2,
  });
});

test("holds nothing of requests that were answered, and says what it did for each", async () => {
  const traces: AgentTrace[] = [];
  const script = await startAlone({ onTrace: (trace) => traces.push(trace) });
  for (const byte of [1, 2, 3]) await script.ask(byte);
  const numbers = [...new Set(traces.map(({ request }) => request))];
  expect(numbers.length).toBe(3);
  for (const number of numbers) {
    const told = traces.filter(({ request }) => request === number);
    expect(told.map(({ type }) => type)).toEqual(["asked", "begun", "report", "answered"]);
    expect(told).toContainEqual(
      expect.objectContaining({ type: "report", device: "camera", generation: 1 }),
    );
  }
  await script.clock.advance(seconds(100));
  expect(await script.control.hear("heartbeat")).toMatchObject({ requests: 0 });
  await script.clock.advance(seconds(100));
  const { requests, peakRequests, heldBytes } = await script.control.hear("heartbeat");
  expect([requests, peakRequests > 0, heldBytes]).toEqual([0, true, 0]);
});

/** Both devices in generation 1, a on the camera and b in the cloud; a standby of the camera alone. */
async function startPair(heartbeatSeconds = 0.2, ofCloud: Partial<AgentOptions> = {}) {
  const script = await startScript();
  const listener = await script.listen();
  const agents = new Map();
  const controls = new Map<string, ScriptedControl>();
  const log = eventLog();
  for (const name of ["camera", "cloud"]) {
    const joining = script.join(name, name === "camera" ? { onEvent: log.onEvent } : ofCloud);
    controls.set(name, await ScriptedControl.accept(listener, heartbeatSeconds));
    const agent = await joining;
    agents.set(name, agent);
    onTestFinished(() => agent.close());
  }
  const addresses = Object.fromEntries(
    [...agents].map(
      ([
        name,
        {
          addresses: [one],
        },
      ]) => [name, one],
    ),
  );
  const split = orders(1, ["camera", "cloud"]);
  for (const [name, control] of controls) await control.load(split.offer(name));
  await Promise.all(
    [...controls].map(([name, control]) => control.deploy(split.deploy(name, addresses))),
  );
  const [camera, cloud] = [controls.get("camera"), controls.get("cloud")];
  if (camera === undefined || cloud === undefined) return expect.fail("two agents should be here");
  const whole = orders(2, ["camera", "camera"]);
  await camera.load(whole.offer("camera"));
  await camera.deploy({ ...whole.deploy("camera", addresses), standby: true });
  await camera.say({ type: "serve", generation: 1, replay: false });
  await camera.hear("serving");
  const client = await script.connect(addresses["camera"]);
  return { ...script, listener, camera, cloud, agents, addresses, client, log };
}

test("answers alone, with every request once, when both its coordinator and a device are gone", async () => {
  const { camera, cloud, agents, client, clock, listener, log, transport, addresses } =
    await startPair();
  const answers = [1, 2, 3, 4, 5, 6].map((byte) => client.infer({ x: byteTensor([byte]) }));
  await clock.advance(seconds(0.015));
  await listener.close();
  await camera.channel.close();
  await cloud.channel.close();
  transport.cut(addresses["cloud"] ?? "");
  await agents.get("cloud")?.close();
  await clock.advance(seconds(10));
  const alone = await startAlone();
  for (const [position, answer] of answers.entries()) {
    expect((await answer).outputs).toEqual((await alone.ask(position + 1)).outputs);
  }
  expect(log.events).toContainEqual({ type: "serving", generation: 2, alone: true });
});

test("tells a program that dials another device than the source where that is", async () => {
  const { client: atSource, connect, addresses, passing } = await startPair();
  const elsewhere = await connect(addresses["cloud"] ?? "");
  const ask = { x: byteTensor([9]) };
  const [one, other] = await passing(Promise.all([atSource.infer(ask), elsewhere.infer(ask)]));
  expect(other.outputs).toEqual(one.outputs);
});

test("measures its link to another device, or says why it cannot", async () => {
  const { camera, addresses, passing } = await startPair(10);
  const ask = async (addressOf: string, device: string) => {
    const peer = { device, addresses: [addressOf] };
    await camera.say({ type: "probe", peer, bytes: 1000 });
    return await passing(camera.hear("probed"));
  };
  expect(await ask(addresses["cloud"] ?? "", "cloud")).toMatchObject({
    device: "cloud",
    bytes: 1000,
    link: { tunnelled: false },
    error: null,
  });
  expect(await ask("nowhere:1", "tablet")).toMatchObject({
    device: "tablet",
    link: null,
    error: { code: "CHANNEL_CLOSED" },
  });
});

test("joins from a machine that has more addresses than anybody would dial", async () => {
  const script = await startScript();
  const listener = await script.listen();
  const all = Array.from({ length: 100 }, (_, network) => `10.0.${network}.1:7000`);
  const joining = script.join("camera", { addresses: () => all });
  const { join } = await ScriptedControl.accept(listener);
  onTestFinished(async () => (await joining).close());
  expect(join.addresses).toEqual(all.slice(0, 32));
});

type Script = Awaited<ReturnType<typeof startScript>>;

/** Somebody with the token, who attaches to an agent under a name and says things on that channel. */
async function intrude(
  { transport }: Pick<Script, "transport">,
  name: string,
  address: string,
  kind: DataChannelKind = "gateway",
) {
  const channel = await transport.connect(address);
  const standing = { life: `${name} 1`, heardOf: null, heard: 0, turn: 1 };
  const who = { kind, device: name, to: "cloud" };
  const opening = { type: "attach", protocol: protocolVersion, token, ...who, standing } as const;
  const hears = channel[Symbol.asyncIterator]();
  const say = (message: Message, payload?: Uint8Array<ArrayBuffer>) =>
    channel.send(encodeMessage(message, payload));
  await say(opening);
  return { say, hears };
}

test("does what the source's gateway says, and ends the channel of another device that speaks like it", async () => {
  const script = await startPair();
  const orderly: readonly Message[] = [
    { type: "recall", generation: 1, requests: [1] },
    { type: "settled", below: 2 ** 40, open: [] },
    { type: "begin", generation: 1, request: 2 ** 39, resume: null },
  ];
  for (const [position, message] of orderly.entries()) {
    const mallory = await intrude(script, `mallory ${position}`, script.addresses["cloud"] ?? "");
    await script.clock.advance(seconds(0.01));
    expect((await mallory.hears.next()).value?.header.type).toBe("attached");
    await mallory.say(message);
    expect(await script.passing(mallory.hears.next())).toMatchObject({ done: true });
  }
  const answer = await script.passing(script.client.infer({ x: byteTensor([7]) }));
  const alone = await startAlone();
  expect(answer.outputs).toEqual((await alone.ask(7)).outputs);
});

test("takes no memory for tensors of which only the start comes, if nobody waits for them", async () => {
  const script = await startPair();
  const address = script.addresses["cloud"] ?? "";
  const start = {
    type: "tensor",
    tensor: "a",
    request: 1,
    dataType: "uint8",
    shape: [2 ** 30],
    piece: { offset: 0, bytes: 2 ** 30 },
  } as const;
  const ofNoGeneration = await intrude(script, "mallory", address, "hop");
  const ofAnother = await intrude(script, "eve", address, "hop");
  const asAnswer = await intrude(script, "trudy", address, "gateway");
  for (const { say, hears } of [ofNoGeneration, ofAnother, asAnswer]) {
    await script.clock.advance(seconds(0.01));
    expect((await hears.next()).value?.header.type).toBe("attached");
    await say({ ...start, generation: say === ofAnother.say ? 1 : 77 }, new Uint8Array(9));
  }
  expect(await script.passing(ofAnother.hears.next())).toMatchObject({ done: true });
  await script.clock.advance(seconds(0.5));
  await script.cloud.hear("heartbeat");
  await script.clock.advance(seconds(0.5));
  expect((await script.cloud.hear("heartbeat")).heldBytes).toBe(0);
});

test("fails the request of a tensor that it has no room for, and lets nobody else say so", async () => {
  const traces: AgentTrace[] = [];
  const onTrace = (trace: AgentTrace) => void traces.push(trace);
  const script = await startPair(0.2, { memoryBytes: 2 ** 26, onTrace });
  const address = script.addresses["cloud"] ?? "";
  const place = { generation: 1, request: 7 } as const;
  const mallory = await intrude(script, "mallory", address, "hop");
  await script.clock.advance(seconds(0.01));
  expect((await mallory.hears.next()).value?.header.type).toBe("attached");
  const error = { code: "DEVICE_BUSY", message: "full", details: {} } as const;
  await mallory.say({ type: "failure", ...place, error });
  expect(await script.passing(mallory.hears.next())).toMatchObject({ done: true });
  expect(traces).toEqual([]);
  await script.agents.get("camera")?.close();
  const large = { dataType: "uint8", shape: [2 ** 27], piece: { offset: 0, bytes: 2 ** 27 } };
  const camera = await intrude(script, "camera", address, "hop");
  await script.clock.advance(seconds(0.01));
  await camera.say({ type: "tensor", tensor: "a", ...place, ...large }, new Uint8Array(9));
  await script.clock.advance(seconds(0.01));
  expect(traces).toMatchObject([
    { type: "failure", device: "cloud", ...place, error: { code: "DEVICE_BUSY" } },
  ]);
});

test("says that a generation is over here when a part of it dies and cannot be loaded again", async () => {
  const script = await startScript();
  let die: (error: CodedError) => void = () => undefined;
  const loads: string[] = [];
  const runtime: Runtime = {
    ...script.runtime,
    load: async (...part) => {
      loads.push("load");
      if (loads.length > 1) throw new CodedError("RUNTIME_FAILED", "no memory");
      const died = new Promise<CodedError>((resolve) => {
        die = resolve;
      });
      return { ...(await script.runtime.load(...part)), died };
    },
  };
  const { control, listener, clock } = await startAlone({ runtime });
  die(new CodedError("RUNTIME_FAILED", "the thread is gone"));
  expect(await control.hear("failed")).toMatchObject({
    generation: 1,
    error: { code: "RUNTIME_FAILED", message: "no memory" },
  });
  await control.channel.close();
  await clock.advance(seconds(0.01));
  expect((await ScriptedControl.accept(listener)).join.generations).toEqual([]);
});

test("takes nothing of what its device has where it is not let in", async () => {
  const { clock, runtime, join, passing } = await startScript();
  const options = { name: "camera", clock, runtime, cores: 1, memoryBytes: null, keptBytes: 10 };
  const resources = new DeviceResources(options);
  await expect(passing(join("camera", { resources }))).rejects.toMatchObject({
    code: "CHANNEL_CLOSED",
  });
  const { keeper } = resources.enter();
  keeper.keep(1, "x", byteTensor(Array.from({ length: 10 }, () => 7)));
  expect(keeper.heldBytes).toBe(10);
});
