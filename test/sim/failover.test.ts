import { expect, test } from "vitest";
import { CodedError, errorTraits } from "../../src/base/errors.ts";
import type { Plan } from "../../src/plan/plan.ts";
import { mesh, meshDevices, meshInputs, meshPlan } from "../fixtures/mesh.ts";
import { planOf } from "../fixtures/plan-of.ts";
import { between, problemOf } from "../fixtures/sketch.ts";
import { spread } from "../fixtures/spread.ts";
import { SpreadCluster } from "../fixtures/spread-cluster.ts";

/** Nothing was lost, and nothing was answered twice. */
async function expectAllAnswered(cluster: SpreadCluster, count: number): Promise<void> {
  // What there is to tell is told each heartbeat.
  await cluster.pass(0.25);
  const { requests, phase } = cluster.coordinator.status();
  const { answered, failed, inFlight, waiting } = requests;
  expect({ phase, answered, failed, inFlight, waiting }).toEqual({
    phase: "serving",
    answered: count,
    failed: 0,
    inFlight: 0,
    waiting: 0,
  });
}

test.each([
  { lost: "shed", lose: (cluster: SpreadCluster) => cluster.kill("shed") },
  { lost: "attic", lose: (cluster: SpreadCluster) => cluster.kill("attic") },
  { lost: "cloud", lose: (cluster: SpreadCluster) => cluster.kill("cloud") },
  { lost: "attic – shed", lose: (cluster: SpreadCluster) => cluster.cut("shed", "attic") },
  { lost: "attic – cloud", lose: (cluster: SpreadCluster) => cluster.cut("attic", "cloud") },
  { lost: "shed", lose: (cluster: SpreadCluster) => cluster.cut("camera", "shed") },
])(
  "goes over to the plan that was made for the loss of $lost in advance, and loads nothing for it",
  async ({ lost, lose }) => {
    const cluster = await SpreadCluster.start();
    const client = await cluster.connect();
    await cluster.pass(2);
    expect(cluster.coordinator.status().fallbacks).toContain(lost);
    const { plannings } = cluster;
    const before = cluster.setting.clock.now();
    const answered = cluster.ask(client, 15);
    await cluster.pass(0.35);
    lose(cluster);
    await cluster.passUntil(() => cluster.momentOf("serving", before) !== null);
    expect(cluster.plannings).toBe(plannings);
    expect(cluster.momentOf("sending", before)).toBeNull();
    await answered();
    const loss = cluster.momentOf("left", before) ?? cluster.momentOf("linkDown", before);
    const served = cluster.momentOf("serving", before);
    expect((served ?? Number.NaN) - (loss ?? Number.NaN)).toBeLessThan(0.1);
    await expectAllAnswered(cluster, 15);
  },
);

test("asks a planner again that has failed, before it says that there is no plan", async () => {
  let asked = 0;
  const cluster = await SpreadCluster.start({
    fallbacks: false,
    replan: async (topology) => {
      asked++;
      if (asked < 3) throw new Error("its thread ended");
      return await spread(mesh.profile)(topology);
    },
  });
  const client = await cluster.connect();
  const answered = cluster.ask(client, 10);
  await cluster.pass(0.3);
  cluster.kill("attic");
  await answered();
  expect(asked).toBe(3);
  expect(cluster.momentOf("noPlan")).toBeNull();
  await expectAllAnswered(cluster, 10);
});

test("makes good a second loss at whatever moment of a failover it comes", async () => {
  const served = new Set<number | null>();
  for (const second of ["shed", "cloud"]) {
    for (let delay = 0; delay <= 0.06; delay += 0.012) {
      const cluster = await SpreadCluster.start({ fallbacks: delay > 0.03 });
      const client = await cluster.connect();
      const answered = cluster.ask(client, 12);
      await cluster.pass(0.5);
      cluster.kill("attic");
      await cluster.pass(delay);
      cluster.kill(second);
      await answered();
      expect(cluster.used()).toEqual(
        meshDevices.filter((name) => name !== "attic" && name !== second),
      );
      await expectAllAnswered(cluster, 12);
      served.add(cluster.coordinator.status().serving);
      await cluster.close();
    }
  }
  // The second loss came before, during and after the failover.
  expect(served.size).toBeGreaterThan(1);
});

test.each([0, 0.012, 0.024, 0.04, 1])(
  "lets a device in again that comes back %d s after it was lost, and can use it",
  async (delay) => {
    const cluster = await SpreadCluster.start();
    const client = await cluster.connect();
    const answered = cluster.ask(client, 30);
    await cluster.pass(0.5);
    cluster.kill("attic");
    await cluster.pass(delay);
    await cluster.setting.until(cluster.join("attic"));
    await cluster.pass(0.5);
    cluster.coordinator.adopt(meshPlan(...meshDevices), "it is back");
    await answered();
    expect(cluster.used()).toEqual(meshDevices);
    await expectAllAnswered(cluster, 30);
  },
);

test.each(["preparing", "deploying", "draining"] as const)(
  "the coordinator may be killed and restarted while a generation is %s, and no stage is interrupted",
  async (phase) => {
    for (const away of [0.05, 3]) {
      const cluster = await SpreadCluster.start({ fallbacks: false, nodeSeconds: 0.4 });
      const client = await cluster.connect();
      const answered = cluster.ask(client, 15);
      await cluster.pass(1.5);
      cluster.coordinator.adopt(meshPlan("camera", "cloud", "attic", "shed"), "another one");
      await cluster.passUntil(() =>
        cluster.coordinator.status().generations.some(({ state }) => state === phase),
      );
      cluster.kill("hub");
      await cluster.pass(away);
      const next = await cluster.startCoordinator();
      await cluster.setting.until(next.ready());
      await answered();
      await expectAllAnswered(cluster, 15);
      expect(next.status().generations).toHaveLength(1);
      expect(next.status().requests.replayed).toBe(0);
      expect([...cluster.runs.values()]).toEqual([15, 15, 15, 15]);
      await cluster.close();
    }
  },
);

test("the coordinator may be killed and restarted at any moment of the first deployment", async () => {
  for (let delay = 0; delay <= 0.06; delay += 0.012) {
    const cluster = await SpreadCluster.start({ isReady: false });
    await cluster.pass(delay);
    cluster.kill("hub");
    await cluster.pass(0.5);
    await cluster.startCoordinator();
    await cluster.setting.until(cluster.coordinator.ready());
    await cluster.askFor(await cluster.connect(), 0.3);
    await expectAllAnswered(cluster, 3);
    await cluster.close();
  }
});

test("the source answers alone when the coordinator and all others are gone, until they are back", async () => {
  const cluster = await SpreadCluster.start();
  const client = await cluster.connect();
  await cluster.pass(2);
  const answered = cluster.ask(client, 60);
  await cluster.pass(0.45);
  for (const host of ["hub", "shed", "attic", "cloud"]) cluster.kill(host);
  await cluster.pass(2.6);
  expect(cluster.runs.get("d")).toBeGreaterThan(20);
  await cluster.startCoordinator();
  for (const name of ["shed", "attic", "cloud"]) await cluster.setting.until(cluster.join(name));
  await answered();
  expect(cluster.used()).toEqual(meshDevices);
  await expectAllAnswered(cluster, 60);
});

test("a device that slept through a failover wakes with an old generation, and answers nothing twice", async () => {
  for (const first of ["timers", "frames"] as const) {
    const cluster = await SpreadCluster.start();
    const client = await cluster.connect();
    const answered = cluster.ask(client, 40);
    await cluster.pass(0.53);
    cluster.network.pause("cloud", "stands");
    await cluster.pass(1.5);
    expect(cluster.used()).toEqual(["camera", "shed", "attic"]);
    await cluster.setting.until(cluster.network.resume("cloud", first));
    await answered();
    await cluster.pass(1);
    const { devices } = cluster.coordinator.status();
    expect(devices.find(({ device }) => device === "cloud")?.state).toBe("idle");
    await expectAllAnswered(cluster, 40);
    await cluster.close();
  }
});

test("what the sink held is asked again under its id when it is back, and answered once", async () => {
  const problem = problemOf({
    inputs: { x: 8 },
    nodes: ["a", "b"].map((name, node) => ({
      name,
      reads: [["x", "a"][node] ?? ""],
      bytes: 4,
      seconds: [1, 1],
    })),
    outputs: ["b"],
    devices: [{ name: "camera" }, { name: "cloud" }],
    links: between("camera", "cloud", 0.001),
    sink: "cloud",
  });
  const plan = planOf(problem, ["camera", "cloud"]) as Plan;
  const cluster = await SpreadCluster.start({ problem, plan });
  const client = await cluster.connect();
  const { until } = cluster.setting;
  const ask = () => client.infer(meshInputs(7), { id: "seven" });
  const lost = ask().catch((error) => error);
  await cluster.pass(0.03);
  cluster.kill("cloud");
  expect(await until(lost)).toMatchObject({ code: "DEVICE_LOST" });
  expect(errorTraits.DEVICE_LOST.retryable).toBe(true);
  expect(await until(ask().catch((error) => error))).toMatchObject({ code: "DEVICE_LOST" });
  await until(cluster.join("cloud"));
  await cluster.passUntil(() => cluster.coordinator.status().phase === "serving");
  await cluster.pass(0.1);
  const { outputs } = await until(ask());
  expect(outputs).toEqual(await cluster.answerTo(meshInputs(7)));
  // Who has an answer may ask for it once more.
  expect((await until(ask())).outputs).toEqual(outputs);
  await cluster.pass(0.2);
  expect(cluster.coordinator.status().requests.answered).toBe(1);
  expect(cluster.runs.get("b")).toBe(1);
});

test("a journal that cannot be written holds up no failover, is told once, and is written as soon as it can be", async () => {
  const cluster = await SpreadCluster.start();
  const client = await cluster.connect();
  const answered = cluster.ask(client, 20);
  await cluster.pass(0.5);
  const before = cluster.journal.text;
  const { save } = cluster.journal;
  cluster.journal.save = async () => {
    throw new CodedError("FILE_WRITE_FAILED", "no space left on device");
  };
  for (const lost of ["attic", "cloud"]) {
    cluster.kill(lost);
    await cluster.pass(0.4);
  }
  const unsaved = cluster.events.filter(({ event }) => event.type === "unsaved");
  expect(unsaved.map(({ event }) => event)).toMatchObject([
    { error: { code: "FILE_WRITE_FAILED" } },
  ]);
  expect(cluster.journal.text).toBe(before);
  // Whoever starts with what it was written last interrupts nobody for long, and gives no number twice.
  const { serving } = cluster.coordinator.status();
  cluster.kill("hub");
  cluster.journal.save = save;
  await cluster.startCoordinator();
  await answered();
  await expectAllAnswered(cluster, 20);
  expect(cluster.coordinator.status().serving).toBeGreaterThan(serving ?? Number.NaN);
  expect(cluster.journal.text).not.toBe(before);
});

test("a disk that hangs holds up a failover for two seconds, and no more", async () => {
  const cluster = await SpreadCluster.start();
  const client = await cluster.connect();
  const { save } = cluster.journal;
  let letGo = (): void => undefined;
  cluster.journal.save = async (text) => {
    await new Promise<void>((resolve) => {
      letGo = resolve;
    });
    await save(text);
  };
  cluster.kill("attic");
  const before = cluster.setting.clock.now();
  await cluster.askFor(client, 0.3);
  expect(cluster.setting.clock.now() - before).toBeLessThan(3);
  expect(cluster.momentOf("unsaved")).not.toBeNull();
  cluster.journal.save = save;
  letGo();
  await cluster.pass(0.5);
  expect(cluster.journal.text).toContain('"cause":"lost attic"');
  await expectAllAnswered(cluster, 3);
});

test("does not start with a journal of another topology, and leaves it as it is", async () => {
  const cluster = await SpreadCluster.start();
  const { text } = cluster.journal;
  cluster.kill("hub");
  const smaller = {
    ...cluster.problem.topology,
    devices: cluster.problem.topology.devices.filter(({ name }) => name !== "attic"),
    links: cluster.problem.topology.links.filter(({ from, to }) => ![from, to].includes("attic")),
  };
  const plan = meshPlan("camera", "camera", "shed", "shed");
  await expect(cluster.startCoordinator({ topology: smaller, plan })).rejects.toMatchObject({
    code: "USAGE_INVALID",
    message: expect.stringContaining("another topology"),
  });
  expect(cluster.journal.text).toBe(text);
});
