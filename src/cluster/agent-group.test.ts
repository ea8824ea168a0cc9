import { expect, onTestFinished, test } from "vitest";
import { startCoordinator, token, virtualSetting } from "../../test/fixtures/cluster.ts";
import { byteTensor } from "../../test/fixtures/digest-runtime.ts";
import { pairProblem } from "../../test/fixtures/pair.ts";
import { planOf } from "../../test/fixtures/plan-of.ts";
import { between, problemOf } from "../../test/fixtures/sketch.ts";
import type { CodedError } from "../base/errors.ts";
import { seconds } from "../base/units.ts";
import type { Plan } from "../plan/plan.ts";
import { AgentGroup, type AgentGroupOptions } from "./agent-group.ts";
import { type Client, connectClient } from "./client.ts";
import type { Coordinator } from "./coordinator.ts";
import { CoordinatorGroup } from "./coordinator-group.ts";
import type { CoordinatorOptions } from "./coordinator-options.ts";
import { followModels } from "./roster-client.ts";
import { watchCluster } from "./watch-client.ts";

const liveness = { heartbeatSeconds: 0.5, missedHeartbeats: 10 };

/** x → a → b, and three machines beside the camera. */
const threeMachines = problemOf({
  inputs: { x: 8 },
  nodes: [
    { name: "a", reads: ["x"], bytes: 4, seconds: [1, 1, 1, 1] },
    { name: "b", reads: ["a"], bytes: 4, seconds: [1, 1, 1, 1] },
  ],
  outputs: ["b"],
  devices: ["camera", "left", "right", "spare"].map((name) => ({ name })),
  links: [
    ...between("camera", "left", 0.001),
    ...between("camera", "right", 0.001),
    ...between("left", "spare", 0.001),
    ...between("right", "spare", 0.001),
  ],
});

/** Models `first` and `second` on the devices of a problem, none of which runs yet. */
async function twoModels(problem = pairProblem()) {
  const setting = virtualSetting(() => 0.01);
  const { clock, transport, until } = setting;
  const models = ["first", "second"];
  const restart = (listen: string, wanted: readonly string[] = []) =>
    CoordinatorGroup.open({ ...liveness, transport, clock, listen, token, models, wanted });
  const group = await restart("coordinator:0");
  const devices = new Map<string, AgentGroup>();
  const errors: (CodedError | null)[] = [];
  const join = async (name: string, options: Partial<AgentGroupOptions> = {}) => {
    const device = await until(
      AgentGroup.join({
        name,
        incarnation: name,
        coordinator: group.address,
        token,
        transport,
        runtime: setting.runtime,
        clock,
        listen: `${name}:0`,
        cores: 1,
        memoryBytes: null,
        ...options,
      }),
    );
    devices.set(name, device);
    void device.ended.then((error) => errors.push(error));
    return device;
  };
  const load = async (
    model: string,
    stages: readonly string[],
    where = group,
    options: Partial<CoordinatorOptions> = {},
  ): Promise<Coordinator> => {
    const graph = { ...problem.index.graph, name: model };
    const coordinator = await startCoordinator(
      { ...setting, transport: where.transportFor(model) },
      problem,
      planOf(problem, stages) as Plan,
      { graph, ...options },
    );
    where.want(model);
    return coordinator;
  };
  const dial = { transport, clock, address: group.address, token };
  const connect = (model?: string): Promise<Client> =>
    until(connectClient({ ...dial, ...(model === undefined ? {} : { model }) }));
  const ask = async (client: Client, byte: number) =>
    (await until(client.infer({ x: byteTensor([byte]) }))).outputs["b"];
  onTestFinished(async () => {
    for (const device of devices.values()) await device.close();
  });
  return { ...setting, group, restart, join, load, connect, ask, dial, errors };
}

test("runs models side by side on the same devices, each answering for itself", async () => {
  const { group, join, load, connect, ask, until } = await twoModels();
  await join("camera");
  await join("cloud");
  const first = await load("first", ["camera", "cloud"]);
  const second = await load("second", ["cloud", "camera"]);
  await until(Promise.all([first.ready(), second.ready()]));
  const [one, other, whoever] = [await connect("first"), await connect("second"), await connect()];
  expect([one.model, other.model, whoever.model]).toEqual(["first", "second", "first"]);
  const answers = await Promise.all([ask(one, 1), ask(other, 1), ask(one, 2)]);
  expect(answers[0]).toEqual(answers[1]);
  expect(answers[2]).not.toEqual(answers[0]);
  await Promise.all([first.close(), second.close(), group.close()]);
});

test("begins and ends as models come and go, and the others do not notice", async () => {
  const { group, join, load, connect, ask, until, clock } = await twoModels();
  await join("camera");
  await join("cloud");
  const second = await load("second", ["camera", "cloud"]);
  await until(second.ready());
  const other = await connect("second");
  const expected = await ask(other, 1);
  for (let round = 0; round < 2; round++) {
    const first = await load("first", ["camera", "cloud"]);
    await until(first.ready());
    expect(await ask(await connect("first"), 1)).toEqual(expected);
    await until(first.close());
    group.unwant("first");
    await clock.advance(seconds(1));
    await expect(connect("first")).rejects.toMatchObject({ code: "MODEL_NOT_READY" });
    expect(await ask(other, 1)).toEqual(expected);
  }
  expect(second.status()).toMatchObject({ faults: 0, serving: 1 });
  await Promise.all([second.close(), group.close()]);
});

test("a model that was unloaded is joined for again at once, though nobody heard that it had gone", async () => {
  const { group, join, load, until } = await twoModels();
  await join("camera");
  await until((await load("first", ["camera", "camera"])).close());
  const again = await load("first", ["camera", "camera"]);
  await until(again.ready());
  await Promise.all([again.close(), group.close()]);
});

test("whoever asks for a model that is not there is told which there are", async () => {
  const { group, connect, load, dial, until } = await twoModels();
  await expect(connect("third")).rejects.toMatchObject({
    code: "MODEL_UNKNOWN",
    message: expect.stringContaining("first, second"),
  });
  const second = await load("second", ["camera", "cloud"]);
  const { signal } = new AbortController();
  const watching = watchCluster({ ...dial, model: "second", signal });
  const status = await until(watching.next());
  expect(status.value).toMatchObject({ body: { status: { model: "second" } } });
  const following = followModels({ ...dial, signal });
  expect((await until(following.next())).value).toEqual(["second"]);
  await until(Promise.all([watching.return(undefined), following.return(undefined)]));
  await Promise.all([second.close(), group.close()]);
});

test("ends when the coordinator tells everybody to", async () => {
  const { group, join, load, until } = await twoModels();
  const device = await join("camera");
  const first = await load("first", ["camera", "camera"]);
  await until(first.ready());
  await until(first.close());
  await until(group.close());
  expect(await until(device.ended)).toBeNull();
});

test("goes on when the coordinator is killed, and is found again by the next one", async () => {
  const { group, join, load, connect, ask, until, clock, errors, restart } = await twoModels();
  await join("camera");
  const first = await load("first", ["camera", "camera"]);
  await until(first.ready());
  const client = await connect("first");
  const before = await ask(client, 1);
  await until(Promise.all([first.abandon(), group.abandon()]));
  await clock.advance(seconds(60));
  expect(await ask(client, 1)).toEqual(before);
  expect(errors).toEqual([]);
  // The next one takes its time until it has loaded what it begins with.
  const next = await restart(group.address, ["first"]);
  await clock.advance(seconds(5));
  expect(await ask(client, 1)).toEqual(before);
  const second = await load("second", ["camera", "camera"], next);
  await until(second.ready());
  await Promise.all([second.close(), next.close()]);
});

test("ends with the reason when its device is none of the topology's", async () => {
  const { group, join, load, until } = await twoModels();
  const device = await join("toaster");
  const first = await load("first", ["camera", "camera"]);
  expect(await until(device.ended)).toMatchObject({ code: "USAGE_INVALID" });
  await Promise.all([first.close(), group.close()]);
});

test("models share one memory: what one takes the other has not", async () => {
  const { group, join, load, until } = await twoModels();
  await join("camera", { memoryBytes: 5000 });
  await join("cloud");
  const first = await load("first", ["camera", "camera"]);
  await until(first.ready());
  const second = await load("second", ["camera", "cloud"]);
  await expect(until(second.ready())).rejects.toMatchObject({
    code: "PART_REFUSED",
    details: { usedBytes: 4096 },
  });
  await until(first.close());
  group.unwant("first");
  const again = await load("second", ["camera", "cloud"]);
  await until(again.ready());
  await Promise.all([again.close(), group.close()]);
});

test("a model that moves in waits for what another one lets go of", async () => {
  const { group, join, load, until, clock } = await twoModels();
  await join("camera", { memoryBytes: 5000 });
  await join("cloud");
  const first = await load("first", ["camera", "camera"]);
  await until(first.ready());
  const second = await load("second", ["camera", "cloud"]);
  const ready = second.ready();
  await clock.advance(seconds(2));
  await until(first.close());
  group.unwant("first");
  await until(ready);
  await Promise.all([second.close(), group.close()]);
});

test("models that move to each other's places give way where there is no room for both", async () => {
  const { group, join, load, connect, ask, until } = await twoModels(threeMachines);
  await join("camera");
  // Room for two nodes, and not for three.
  for (const name of ["left", "right"]) await join(name, { memoryBytes: 5000 });
  const spare = await join("spare");
  const moveTo = (place: string): Partial<CoordinatorOptions> => ({
    replan: async () => planOf(threeMachines, [place, place]) as Plan,
    fallbacks: false,
  });
  const first = await load("first", ["left", "spare"], group, moveTo("right"));
  const second = await load("second", ["right", "spare"], group, moveTo("left"));
  await until(Promise.all([first.ready(), second.ready()]));
  const [one, other] = [await connect("first"), await connect("second")];
  const expected = await ask(one, 1);
  await until(spare.close());
  expect(await Promise.all([ask(one, 1), ask(other, 1)])).toEqual([expected, expected]);
  expect([first, second].map((model) => model.status().failovers)).toEqual([1, 1]);
  await Promise.all([first.close(), second.close(), group.close()]);
});
