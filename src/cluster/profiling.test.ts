import { expect, onTestFinished, test } from "vitest";
import {
  joinAgent,
  type Setting,
  startCoordinator,
  token,
  virtualSetting,
} from "../../test/fixtures/cluster.ts";
import { pairProblem } from "../../test/fixtures/pair.ts";
import { planOf } from "../../test/fixtures/plan-of.ts";
import { CodedError } from "../base/errors.ts";
import { createRandom } from "../base/random.ts";
import { seconds } from "../base/units.ts";
import type { Plan } from "../plan/plan.ts";
import type { AgentOptions } from "./agent-options.ts";
import { sendBlob } from "./blob-sender.ts";
import type { Coordinator } from "./coordinator.ts";
import { greet } from "./greeting.ts";
import { introduce } from "./handshake.ts";
import { meetProgram } from "./meeting.ts";
import type { Message } from "./message.ts";
import type { ProfileHost } from "./profiling.ts";
import type { ProfileOrder } from "./program-message.ts";
import { decodeMessage, encodeMessage } from "./protocol.ts";
import { profileOnDevice, type RemoteProfileOptions, surveyLink } from "./task-client.ts";

const problem = pairProblem("camera");

const order: Omit<ProfileOrder, "type" | "model"> = {
  memoryBytes: 5000,
  kind: "pi",
  level: "extended",
  threads: 2,
  shapes: { x: [1, 3] },
  codecs: true,
  limitSeconds: 60,
  force: false,
};

const random = createRandom(1);
/** Two and a half pieces. */
const model = Uint8Array.from({ length: 2.5 * 2 ** 20 }, () => Math.floor(random.next() * 256));

const reversed: ProfileHost = async (bytes) => bytes.slice().reverse();
const endless: ProfileHost = (_model, _order, signal) =>
  new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });

interface Scene {
  readonly setting: Required<Setting>;
  readonly coordinator: Coordinator;
  /** Has a device measure the model. */
  readonly ask: (
    device: string,
    changes?: Partial<typeof order>,
    options?: Partial<RemoteProfileOptions>,
  ) => Promise<Uint8Array>;
}

/** A cluster whose camera has joined, and whose cloud has not. */
async function stage(host: ProfileHost | undefined, options: Partial<AgentOptions> = {}) {
  const setting = virtualSetting();
  const { transport, clock, until } = setting;
  const plan = planOf(problem, ["camera", "cloud"]) as Plan;
  const coordinator = await startCoordinator(setting, problem, plan, { joinSeconds: null });
  onTestFinished(() => until(coordinator.close()));
  const profile = host === undefined ? {} : { profile: host };
  await until(joinAgent(setting, coordinator, "camera", { ...profile, ...options }));
  const scene: Scene = {
    setting,
    coordinator,
    ask: (device, changes = {}, others = {}) => {
      const { address } = coordinator;
      const how = {
        transport,
        clock,
        address,
        token,
        device,
        signal: new AbortController().signal,
      };
      return until(profileOnDevice({ ...how, ...others }, model, { ...order, ...changes }));
    },
  };
  return scene;
}

test("a device measures a model of several pieces, and sends back what it found", async () => {
  let heard: unknown = null;
  const { ask } = await stage(async (bytes, { kind, level, threads, shapes, codecs }) => {
    const isSame = Buffer.compare(bytes, model) === 0;
    heard = { isSame, kind, level, threads, shapes, codecs };
    return bytes.slice().reverse();
  });
  expect(Buffer.compare(await ask("camera"), model.slice().reverse())).toBe(0);
  const { kind, level, threads, shapes, codecs } = order;
  expect(heard).toEqual({ isSame: true, kind, level, threads, shapes, codecs });
});

test("a model that is there already is not sent again", async () => {
  const { ask, setting } = await stage(async (_bytes, _order, signal) => {
    await setting.clock.sleep(seconds(3), signal);
    return new Uint8Array([1]);
  });
  const sent: number[] = [];
  const onProgress = ({ sentBytes }: { readonly sentBytes: number }) => void sent.push(sentBytes);
  await ask("camera", {}, { onProgress });
  expect(sent.at(-1)).toBe(model.byteLength);
  sent.length = 0;
  await ask("camera", {}, { onProgress });
  expect(sent.length).toBeGreaterThan(0);
  expect(Math.max(...sent)).toBe(0);
});

test("says why a device does not measure, and goes on", async () => {
  const { ask } = await stage(reversed, { memoryBytes: 1e9 });
  await expect(ask("cloud")).rejects.toMatchObject({ code: "DEVICE_LOST" });
  await expect(ask("nobody")).rejects.toMatchObject({ code: "DEVICE_LOST" });
  await expect(ask("camera", { memoryBytes: 2e9 })).rejects.toMatchObject({
    code: "PART_REFUSED",
    message: expect.stringMatching(/about 2 GB, agent 'camera' may use 1 GB/),
  });
  await expect(ask("camera", {}, { token: "another" })).rejects.toMatchObject({
    code: "TOKEN_REFUSED",
  });
  expect((await ask("camera")).byteLength).toBe(model.byteLength);
});

test("an agent that measures nothing says so", async () => {
  const { ask } = await stage(undefined);
  await expect(ask("camera")).rejects.toMatchObject({ code: "USAGE_INVALID" });
});

test("a device that serves measures only if it is forced to", async () => {
  const { ask, setting, coordinator } = await stage(reversed);
  await setting.until(joinAgent(setting, coordinator, "cloud"));
  await setting.until(coordinator.ready());
  await expect(ask("camera")).rejects.toMatchObject({ code: "DEVICE_BUSY" });
  expect((await ask("camera", { force: true })).byteLength).toBe(model.byteLength);
});

test("a device that gets something to run stops measuring", async () => {
  const { ask, setting, coordinator } = await stage(endless);
  const asked = ask("camera");
  asked.catch(() => undefined);
  await setting.until(setting.clock.sleep(seconds(2)));
  await setting.until(joinAgent(setting, coordinator, "cloud"));
  await expect(asked).rejects.toMatchObject({
    code: "DEVICE_BUSY",
    message: expect.stringMatching(/was given generation 1 to run/),
  });
});

test("what went wrong there is told here, and harms nothing", async () => {
  let attempts = 0;
  const { ask } = await stage(async (bytes) => {
    attempts++;
    if (attempts === 1) throw new CodedError("RUNTIME_FAILED", "no such operator");
    return bytes;
  });
  await expect(ask("camera")).rejects.toMatchObject({
    code: "RUNTIME_FAILED",
    message: "no such operator",
  });
  expect((await ask("camera")).byteLength).toBe(model.byteLength);
});

test("measuring ends at its limit, one at a time", async () => {
  const ends: unknown[] = [];
  const { ask, setting } = await stage((...call) => {
    call[2].addEventListener("abort", () => ends.push(call[2].reason.code), { once: true });
    return endless(...call);
  });
  const first = ask("camera", { limitSeconds: 5 });
  first.catch(() => undefined);
  await setting.until(setting.clock.sleep(seconds(2)));
  await expect(ask("camera")).rejects.toMatchObject({
    code: "DEVICE_BUSY",
    message: expect.stringMatching(/measures another model/),
  });
  await expect(first).rejects.toMatchObject({ code: "REQUEST_DEADLINE_EXCEEDED" });
  expect(ends).toEqual(["REQUEST_DEADLINE_EXCEEDED"]);
});

test("a program that goes away ends what it had asked for", async () => {
  const giveUp = new AbortController();
  let isEnded = false;
  const { ask } = await stage((_model, _order, signal) => {
    giveUp.abort(new Error("interrupted"));
    return new Promise((resolve) => {
      signal.addEventListener("abort", () => {
        isEnded = true;
        resolve(new Uint8Array(0));
      });
    });
  });
  await expect(ask("camera", {}, { signal: giveUp.signal })).rejects.toThrow("interrupted");
  await expect(
    ask("camera", { memoryBytes: 0 }, { signal: AbortSignal.abort() }),
  ).rejects.toThrow();
  expect(isEnded).toBe(true);
});

test("asks for a link between devices that are there, and is told which is not", async () => {
  const { setting, coordinator } = await stage(undefined);
  const { transport, clock, until } = setting;
  const { address } = coordinator;
  const how = { transport, clock, address, token, signal: new AbortController().signal };
  await expect(until(surveyLink(how, "camera", "cloud", 100))).rejects.toMatchObject({
    code: "DEVICE_LOST",
    message: expect.stringMatching(/'cloud'/),
  });
  await until(joinAgent(setting, coordinator, "cloud"));
  expect(await until(surveyLink(how, "camera", "cloud", 100))).toMatchObject({
    device: "cloud",
    bytes: 100,
    link: { tunnelled: false },
    error: null,
  });
});

test("a program gives a device no other blob than the model that is to be measured", async () => {
  const { setting, coordinator } = await stage(endless);
  const { transport, clock, until } = setting;
  const channel = await until(transport.connect(coordinator.address));
  const task = { type: "task", ...greet({ token }), device: "camera" } as const;
  await until(introduce(channel, clock, task, "taken"));
  const [ordered, other] = ["a", "b"].map((digit) => digit.repeat(64)) as [string, string];
  const asked = { ...order, type: "profile", model: { sha256: ordered, bytes: 8 } } as const;
  await until(channel.send(encodeMessage(asked)));
  await until(sendBlob(channel, other, new Uint8Array(8), 0));
  let last: Message | null = null;
  const heard = (async () => {
    for await (const frame of channel) last = decodeMessage(frame).message;
  })();
  await until(Promise.race([heard, clock.sleep(seconds(5))]));
  expect(last).toMatchObject({ type: "refused", error: { code: "FRAME_MALFORMED" } });
  await until(channel.close());
});

test("nobody takes a task that does not wait", async () => {
  const { setting, coordinator } = await stage(endless);
  const { transport, clock, until } = setting;
  const options = { transport, clock, coordinator: coordinator.address, token, name: "cloud" };
  await expect(until(meetProgram(options, 1))).rejects.toMatchObject({ code: "DEVICE_LOST" });
});

test("a device that was lost while it measured is told as lost", async () => {
  const { ask, setting, coordinator } = await stage(endless);
  const asked = ask("camera");
  asked.catch(() => undefined);
  await setting.until(setting.clock.sleep(seconds(1)));
  await setting.until(coordinator.close());
  await expect(asked).rejects.toMatchObject({ code: "CHANNEL_CLOSED" });
});
