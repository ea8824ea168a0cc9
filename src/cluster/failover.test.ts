import { expect, onTestFinished, test } from "vitest";
import {
  connect,
  joinAgent,
  type Setting,
  startCluster,
  startCoordinator,
  virtualSetting,
} from "../../test/fixtures/cluster.ts";
import { mesh, meshAnswer, meshDevices, meshInputs, meshTo } from "../../test/fixtures/mesh.ts";
import { planOf } from "../../test/fixtures/plan-of.ts";
import { spread } from "../../test/fixtures/spread.ts";
import { CodedError } from "../base/errors.ts";
import { seconds } from "../base/units.ts";
import type { Plan } from "../plan/plan.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { Client } from "./client.ts";
import type { Coordinator } from "./coordinator.ts";
import type { CoordinatorOptions } from "./coordinator-options.ts";
import type { JournalStore } from "./journal.ts";

const names = meshDevices;
const pipeline = planOf(mesh, names) as Plan;
const fast = { heartbeatSeconds: 0.1, missedHeartbeats: 5 };
async function start(
  setting: Setting,
  options: Partial<CoordinatorOptions> = {},
  problem = mesh,
  plan = pipeline,
) {
  const replan = spread(problem.profile);
  const cluster = await startCluster(setting, problem, plan, { ...fast, replan, ...options });
  onTestFinished(() => cluster.coordinator.close());
  const client = await connect(setting, cluster.coordinator);
  onTestFinished(() => client.close());
  return { ...cluster, client };
}

/** Asks so many times at once; every answer must be the whole graph's. */
async function askAndCheck(client: Client, count: number): Promise<void> {
  const requests = Array.from({ length: count }, (_, request) => meshInputs(request));
  const answers = await Promise.all(requests.map((inputs) => client.infer(inputs)));
  for (const [request, { outputs }] of answers.entries()) {
    expect(outputs).toEqual(await meshAnswer(request));
  }
}

/** Devices of the generation that serves. */
function used(coordinator: Coordinator): string[] {
  const { generations, serving } = coordinator.status();
  const found = generations.find(({ generation }) => generation === serving);
  return [...new Set(found?.stages.map(({ device }) => device))];
}

function memoryJournal(): JournalStore & { text: string | null } {
  const store = {
    text: null as string | null,
    load: async () => store.text,
    save: async (text: string) => {
      store.text = text;
    },
  };
  return store;
}

test.each(["shed", "attic", "cloud"])(
  "answers every request when %s dies under load",
  async (lost) => {
    for (const fallbacks of [true, false]) {
      const setting = virtualSetting(() => 1);
      const { coordinator, agents, client } = await start(setting, { fallbacks });
      await setting.clock.advance(seconds(2));
      const answered = askAndCheck(client, 20);
      await setting.clock.advance(seconds(6.5));
      await agents.get(lost)?.close();
      await setting.until(answered);
      expect(used(coordinator)).toEqual(names.filter((name) => name !== lost));
      expect(coordinator.status()).toMatchObject({ phase: "serving", failovers: 1 });
    }
  },
);

test("answers every request when one device after the other dies, down to the source alone", async () => {
  const setting = virtualSetting(() => 1);
  const { coordinator, agents, client } = await start(setting);
  const answered = askAndCheck(client, 30);
  for (const lost of ["attic", "cloud", "shed"]) {
    await setting.clock.advance(seconds(5.3));
    await agents.get(lost)?.close();
  }
  await setting.until(answered);
  expect(used(coordinator)).toEqual(["camera"]);
  expect(coordinator.status().requests.failed).toBe(0);
});

test("starts over when another device dies while the first loss is being made good", async () => {
  const setting = virtualSetting(() => 1);
  const { coordinator, agents, client } = await start(setting);
  const answered = askAndCheck(client, 12);
  await setting.clock.advance(seconds(4.2));
  await agents.get("attic")?.close();
  await agents.get("shed")?.close();
  await setting.until(answered);
  expect(used(coordinator)).toEqual(["camera", "cloud"]);
});

test("goes on without a device on which a part has died and cannot be loaded again, and loses no request", async () => {
  const setting = virtualSetting(() => 1);
  let isFull = false;
  let die = (): void => undefined;
  const load: Runtime["load"] = async (...part) => {
    if (isFull) {
      isFull = false;
      throw new CodedError("RUNTIME_FAILED", "no memory");
    }
    const session = await setting.runtime.load(...part);
    const isAttics = part[0].weights.has("w:c") && part[0].weights.size === 1;
    const died = new Promise<CodedError>((resolve) => {
      if (isAttics) die = () => resolve(new CodedError("RUNTIME_FAILED", "the thread is gone"));
    });
    return { ...session, died };
  };
  const { coordinator, client } = await start({
    ...setting,
    runtime: { ...setting.runtime, load },
  });
  const answered = askAndCheck(client, 12);
  await setting.clock.advance(seconds(1.5));
  isFull = true;
  die();
  await setting.until(answered);
  expect(used(coordinator)).toEqual(["camera", "shed", "cloud"]);
});

test("makes a run again in which a session dies; an input that kills both ends in RUNTIME_FAILED, and no device", async () => {
  const setting = virtualSetting(() => 1);
  let deaths = 0;
  const load: Runtime["load"] = async (...part) => {
    const session = await setting.runtime.load(...part);
    let die: (error: CodedError) => void = () => undefined;
    const died = new Promise<CodedError>((resolve) => {
      die = resolve;
    });
    const run: typeof session.run = async (inputs) => {
      if (deaths === 0 || !part[0].weights.has("w:c")) return await session.run(inputs);
      deaths--;
      const error = new CodedError("RUNTIME_FAILED", "the thread is gone");
      die(error);
      throw error;
    };
    return { ...session, run, died };
  };
  const { coordinator, client } = await start({
    ...setting,
    runtime: { ...setting.runtime, load },
  });
  deaths = 1;
  await setting.until(askAndCheck(client, 5));
  deaths = 2;
  await expect(setting.until(client.infer(meshInputs(0)))).rejects.toMatchObject({
    code: "RUNTIME_FAILED",
    message: expect.stringContaining("the thread is gone"),
  });
  await setting.until(askAndCheck(client, 5));
  expect(used(coordinator)).toEqual(names);
  expect(coordinator.status()).toMatchObject({ phase: "serving", failovers: 0 });
});

test("counts a device that sends no heartbeat any more as lost, and goes on without it", async () => {
  const setting = virtualSetting(() => 1);
  const left: string[] = [];
  const coordinator = await startCoordinator(setting, mesh, pipeline, {
    ...fast,
    replan: spread(mesh.profile),
    onEvent: (event) => {
      if (event.type === "left") left.push(`${event.device}: ${event.why}`);
    },
  });
  onTestFinished(() => coordinator.close());
  for (const name of ["camera", "shed", "cloud"]) await joinAgent(setting, coordinator, name);
  const frozen = { ...setting, clock: virtualSetting().clock };
  await joinAgent(frozen, coordinator, "attic");
  await setting.until(coordinator.ready());
  await setting.clock.advance(seconds(3));
  // It can still dial, and is let in again each time.
  expect(new Set(left)).toEqual(new Set(["attic: it sent no heartbeat for 0.6 s (limit 0.5 s)"]));
  const client = await connect(setting, coordinator);
  onTestFinished(() => client.close());
  await setting.until(askAndCheck(client, 5));
});

test("waits, and says why, when no plan is left, and serves again when the device is back", async () => {
  const setting = virtualSetting(() => 1);
  const infeasible = "it is not allowed";
  const replan = async () => ({ infeasible });
  const { coordinator, agents, client } = await start(setting, { replan });
  const answered = askAndCheck(client, 6);
  await setting.clock.advance(seconds(2.5));
  await agents.get("cloud")?.close();
  await setting.clock.advance(seconds(5));
  expect(coordinator.status()).toMatchObject({
    phase: "waiting",
    why: expect.stringContaining(infeasible),
  });
  await joinAgent(setting, coordinator, "cloud");
  await setting.until(answered);
  expect(used(coordinator)).toEqual(names);
});

test("fails what is asked while the sink is lost, and answers again when it is back", async () => {
  const setting = virtualSetting(() => 1);
  const elsewhere = meshTo("cloud");
  const plan = planOf(elsewhere, names) as Plan;
  const { coordinator, agents, client } = await start(setting, {}, elsewhere, plan);
  const failure = client.infer(meshInputs(1)).catch((error) => error);
  await setting.clock.advance(seconds(1.5));
  await agents.get("cloud")?.close();
  expect(await setting.until(failure)).toMatchObject({ code: "DEVICE_LOST" });
  expect(coordinator.status().phase).toBe("suspended");
  await joinAgent(setting, coordinator, "cloud");
  await setting.clock.advance(seconds(2));
  await setting.until(askAndCheck(client, 4));
});

test("changes to another plan while requests go on, and loses none", async () => {
  const setting = virtualSetting(() => 1);
  const { coordinator, client } = await start(setting);
  const answered = askAndCheck(client, 20);
  await setting.clock.advance(seconds(5.2));
  coordinator.adopt(planOf(mesh, ["camera", "cloud", "cloud", "attic"]) as Plan, "it pays");
  await setting.until(answered);
  await setting.clock.advance(seconds(2));
  expect(used(coordinator)).toEqual(["camera", "cloud", "attic"]);
  const { switches, failovers, requests, generations } = coordinator.status();
  expect({ switches, failovers, replayed: requests.replayed }).toEqual({
    switches: 1,
    failovers: 0,
    replayed: 0,
  });
  expect(generations.map(({ state }) => state).filter((state) => state !== "standby")).toEqual([
    "serving",
  ]);
});

test("goes on while the coordinator is away, and takes up again where it was", async () => {
  const setting = virtualSetting(() => 1);
  const journal = memoryJournal();
  const { coordinator, client, agents } = await start(setting, { journal });
  await setting.clock.advance(seconds(3));
  const before = coordinator.status().serving;
  const answered = askAndCheck(client, 15);
  await setting.clock.advance(seconds(3));
  await coordinator.abandon();
  await setting.clock.advance(seconds(3));
  const next = await startCoordinator(setting, mesh, pipeline, {
    ...fast,
    replan: spread(mesh.profile),
    journal,
    listen: coordinator.address,
  });
  onTestFinished(() => next.close());
  await setting.until(Promise.all([answered, next.ready()]));
  expect(next.status()).toMatchObject({ phase: "serving", serving: before, failovers: 0 });
  await agents.get("attic")?.close();
  await setting.until(askAndCheck(client, 5));
  expect(next.status().serving).toBeGreaterThan(before ?? 0);
});

test("a coordinator that is given up writes nothing more into what is the next one's journal", async () => {
  const setting = virtualSetting();
  let open = (): void => undefined;
  let gate: Promise<void> = Promise.resolve();
  const begun: string[] = [];
  const written: string[] = [];
  const journal: JournalStore = {
    load: async () => null,
    save: async (text) => {
      begun.push(text);
      await gate;
      written.push(text);
    },
  };
  const { coordinator, agents } = await start(setting, { journal, fallbacks: false });
  gate = new Promise((resolve) => {
    open = resolve;
  });
  const before = begun.length;
  for (const lost of ["attic", "cloud"]) {
    await agents.get(lost)?.close();
    await setting.clock.advance(seconds(1));
  }
  expect(begun.length).toBe(before + 1);
  await setting.until(coordinator.abandon());
  open();
  await setting.clock.advance(seconds(1));
  expect([begun.length, written.length]).toEqual([before + 1, before + 1]);
});
