import { expect, test } from "vitest";
import {
  connect,
  joinAgent,
  startCoordinator,
  virtualSetting,
} from "../../../test/fixtures/cluster.ts";
import { modelOfGraph } from "../../../test/fixtures/digest-runtime.ts";
import { pledge } from "../../../test/fixtures/oip-server.ts";
import { pairProblem } from "../../../test/fixtures/pair.ts";
import { planOf } from "../../../test/fixtures/plan-of.ts";
import { CodedError } from "../../base/errors.ts";
import { seconds } from "../../base/units.ts";
import type { Client } from "../../cluster/client.ts";
import type { Coordinator } from "../../cluster/coordinator.ts";
import type { Plan } from "../../plan/plan.ts";
import type { TensorValues } from "../../runtime/runtime.ts";
import { readSignature } from "../../runtime/signature.ts";
import { HostedModel, type ModelHost } from "./hosted-model.ts";
import { HostedModels } from "./hosted-models.ts";

const problem = pairProblem();
const plan = planOf(problem, ["camera", "camera"]) as Plan;
const inputs: TensorValues = {
  x: { dataType: "uint8", shape: [8], data: new Uint8Array(8) },
};

/** One model on a real cluster in virtual time; the test holds up and fails what its host does. */
function setUp() {
  const setting = virtualSetting();
  const coordinators: Coordinator[] = [];
  const clients: Client[] = [];
  const gates = { start: Promise.resolve(), place: Promise.resolve(), release: Promise.resolve() };
  const host: ModelHost = {
    clock: setting.clock,
    start: async (_, planned, joinSeconds) => {
      const coordinator = await startCoordinator(setting, problem, planned, { joinSeconds });
      coordinators.push(coordinator);
      await gates.start;
      return coordinator;
    },
    connect: async () => {
      const { address } = coordinators.at(-1) as Coordinator;
      // By itself, since time is let pass by whoever waits.
      const client = await connect({ ...setting, until: (promise) => promise }, { address });
      clients.push(client);
      return client;
    },
    release: () => gates.release,
  };
  const model = new HostedModel("pair", readSignature(modelOfGraph(problem.index.graph)), host);
  const models = new HostedModels({
    models: [model],
    place: async () => {
      await gates.place;
      return plan;
    },
  });
  const join = async () => {
    while (coordinators.length === 0) await setting.clock.advance(seconds(0.01));
    return await setting.until(joinAgent(setting, coordinators.at(-1) as Coordinator, "camera"));
  };
  return { ...setting, gates, model, models, join, clients, coordinators };
}

/** Loaded, with its agent there. */
async function loaded() {
  const started = setUp();
  const loading = started.models.load("pair");
  const camera = await started.join();
  await started.until(loading);
  return { ...started, camera };
}

const stateOf = ({ models }: Pick<ReturnType<typeof setUp>, "models">) => models.index()[0]?.state;

test("a model is loading until devices run it, then answers, and is gone when it is unloaded", async () => {
  const started = setUp();
  const { models, until, join, clock } = started;
  expect(models.index()).toMatchObject([{ state: "UNAVAILABLE", reason: "it was not loaded" }]);
  const loading = models.load("pair");
  while (models.statuses.size === 0) await clock.advance(seconds(0.01));
  expect(stateOf(started)).toBe("LOADING");
  expect(() => models.find("pair")).toThrow(/cannot be asked/);
  await join();
  await until(loading);
  expect(models.index()).toEqual([{ name: "pair", version: "1", state: "READY", reason: "" }]);
  await until(models.find("pair").infer(inputs));
  await until(models.unload("pair"));
  expect(models.index()).toMatchObject([{ state: "UNAVAILABLE", reason: "it was unloaded" }]);
  expect(models.statuses.size).toBe(0);
  expect(() => models.find("pair")).toThrow(/it was unloaded/);
});

test("what was asked is answered before a model is unloaded, and nothing new is taken", async () => {
  const started = await loaded();
  const { models, until } = started;
  const model = models.find("pair");
  const asked = model.infer(inputs);
  const unloading = models.unload("pair");
  expect(stateOf(started)).toBe("UNLOADING");
  await expect(model.infer(inputs)).rejects.toMatchObject({ code: "MODEL_NOT_READY" });
  expect((await until(asked)).outputs).toHaveProperty("b");
  await until(unloading);
});

test("a model that is unloaded while devices are waited for is not loaded", async () => {
  const started = setUp();
  const { models, until, clock } = started;
  const loading = models.load("pair");
  const refused = expect(loading).rejects.toBeInstanceOf(CodedError);
  while (models.statuses.size === 0) await clock.advance(seconds(0.01));
  await until(models.unload("pair"));
  await refused;
  expect(models.index()).toMatchObject([{ state: "UNAVAILABLE", reason: "it was unloaded" }]);
});

test("a model that is unloaded while its coordinator starts waits for no device", async () => {
  const { models, until, gates, clock, coordinators } = setUp();
  const held = pledge();
  gates.start = held.promise;
  const loading = models.begin(new Map([["pair", plan]]), () => undefined);
  while (coordinators.length === 0) await clock.advance(seconds(0.01));
  const unloading = models.unload("pair");
  held.resolve();
  await until(unloading);
  await until(loading);
  expect(models.index()).toMatchObject([{ state: "UNAVAILABLE", reason: "it was unloaded" }]);
});

test("a model that is unloaded while a place is looked for is not loaded", async () => {
  const { models, until, gates, coordinators } = setUp();
  const held = pledge();
  gates.place = held.promise;
  const loading = models.load("pair");
  const refused = expect(loading).rejects.toMatchObject({ code: "MODEL_NOT_READY" });
  await until(models.unload("pair"));
  held.resolve();
  await refused;
  expect(coordinators).toEqual([]);
});

test("whoever loads a model behind an unload is answered for itself", async () => {
  const { models, until, gates, join, coordinators } = setUp();
  const held = pledge();
  gates.place = held.promise;
  const refused = expect(models.load("pair")).rejects.toMatchObject({ code: "MODEL_NOT_READY" });
  await until(models.unload("pair"));
  const second = models.load("pair");
  held.resolve();
  await refused;
  await join();
  await until(second);
  expect(coordinators).toHaveLength(1);
  await until(models.find("pair").infer(inputs));
});

test("what is loaded from the beginning on is waited for, what is loaded later is not", async () => {
  const { models, until, join, clock, coordinators } = setUp();
  expect(models.isStarting).toBe(false);
  const begun = models.begin(new Map([["pair", plan]]), () => undefined);
  expect(models.isStarting).toBe(true);
  await join();
  await until(begun);
  expect(models.isStarting).toBe(false);
  await until(models.unload("pair"));
  const again = models.load("pair");
  while (coordinators.length === 1) await clock.advance(seconds(0.01));
  expect([models.isStarting, models.index()[0]?.state]).toEqual([false, "LOADING"]);
  await join();
  await until(again);
});

test("a model that is given up goes on without this process, which answers what was asked", async () => {
  const started = await loaded();
  const { models, until, gates, camera, clock } = started;
  gates.release = Promise.reject(new Error("nothing is released"));
  gates.release.catch(() => undefined);
  const asked = models.find("pair").infer(inputs);
  let isOver = false;
  void camera.ended.then(() => {
    isOver = true;
  });
  await until(models.abandon("another one leads"));
  expect(() => models.find("pair")).toThrow(/another one leads/);
  expect((await until(asked)).outputs).toHaveProperty("b");
  await clock.advance(seconds(1));
  expect([isOver, models.statuses.size]).toEqual([false, 0]);
});

test("a model that is given up while devices are waited for can be taken up again", async () => {
  const { models, until, join, clock, coordinators } = setUp();
  const failed: string[] = [];
  const places = new Map([["pair", plan]]);
  const begin = () => models.begin(places, (name) => failed.push(name));
  const first = begin();
  while (models.statuses.size === 0) await clock.advance(seconds(0.01));
  const given = models.abandon("another one leads");
  const second = begin();
  await until(Promise.all([given, first]));
  while (coordinators.length === 1) await clock.advance(seconds(0.01));
  await join();
  await until(second);
  expect(failed).toEqual([]);
  await until(models.find("pair").infer(inputs));
});

test("of models that are still loading only those that could not be loaded have failed", async () => {
  const { models, until, clock, coordinators } = setUp();
  const failed: string[] = [];
  const place = { infeasible: "it is too large" };
  await models.begin(new Map([["pair", place]]), (name) => failed.push(name));
  expect(failed).toEqual(["pair"]);
  const begun = models.begin(new Map([["pair", plan]]), (name) => failed.push(name));
  while (coordinators.length === 0) await clock.advance(seconds(0.01));
  await until(Promise.all([models.close(), begun]));
  expect(failed).toEqual(["pair"]);
});

test("two who want a model at once wait for the same, and it can be loaded again", async () => {
  const { models, until, join, coordinators } = setUp();
  const both = Promise.all([models.load("pair"), models.load("pair")]);
  await join();
  await until(both);
  expect(coordinators).toHaveLength(1);
  await until(models.unload("pair"));
  const again = models.load("pair");
  while (coordinators.length === 1) await until(Promise.resolve());
  await join();
  await until(again);
  await until(models.find("pair").infer(inputs));
});

test("while a model's device is away, it counts for the others by the plan that served last", async () => {
  const started = await loaded();
  const { model, coordinators, camera, until, clock } = started;
  const coordinator = coordinators[0] as Coordinator;
  await until(joinAgent(started, coordinator, "cloud"));
  const next = planOf(problem, ["camera", "cloud"]) as Plan;
  coordinator.adopt(next, "another plan");
  while (coordinator.serving !== next) await clock.advance(seconds(0.01));
  await until(camera.close());
  await clock.advance(seconds(0.1));
  expect([coordinator.serving, model.plan]).toEqual([null, next]);
});

test("a client that has ended gives way to another one", async () => {
  const { models, until, clients, clock } = await loaded();
  await clients[0]?.close();
  while (clients.length === 1) await clock.advance(seconds(0.01));
  await clock.advance(seconds(0.01));
  await until(models.find("pair").infer(inputs));
});

test("a coordinator that ends by itself takes the model with it, whatever else goes wrong", async () => {
  const { models, until, coordinators, gates, clock } = await loaded();
  gates.release = Promise.reject(new CodedError("FILE_WRITE_FAILED", "the disk is full"));
  gates.release.catch(() => undefined);
  await until((coordinators[0] as Coordinator).close());
  await clock.advance(seconds(0.1));
  expect(models.index()).toMatchObject([
    { state: "UNAVAILABLE", reason: expect.stringContaining("the disk is full") },
  ]);
  gates.release = Promise.resolve();
  expect(models.statuses.size).toBe(0);
});
