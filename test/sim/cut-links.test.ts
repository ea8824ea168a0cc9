import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../src/base/clock.node.ts";
import { createRandom } from "../../src/base/random.ts";
import { seconds } from "../../src/base/units.ts";
import type { Agent } from "../../src/cluster/agent.ts";
import type { Client } from "../../src/cluster/client.ts";
import type { Coordinator } from "../../src/cluster/coordinator.ts";
import type { Plan } from "../../src/plan/plan.ts";
import type { Problem } from "../../src/plan/problem.ts";
import { Network } from "../../src/sim/network.ts";
import {
  connect,
  joinAgent,
  type Setting,
  startCoordinator,
  virtualSetting,
} from "../fixtures/cluster.ts";
import { createDigestRuntime, modelOfGraph } from "../fixtures/digest-runtime.ts";
import { mesh, meshDevices, meshInputs, meshPlan } from "../fixtures/mesh.ts";
import { planOf } from "../fixtures/plan-of.ts";
import { between, problemOf } from "../fixtures/sketch.ts";
import { spread } from "../fixtures/spread.ts";

const link = { latencySeconds: 0.005, bandwidthBitsPerSecond: 1e8 };

interface Spread {
  readonly network: Network;
  readonly coordinator: Coordinator;
  readonly agents: ReadonlyMap<string, Agent>;
  readonly client: Client;
  readonly setting: Required<Setting> & ReturnType<typeof virtualSetting>;
  readonly events: string[];
  readonly problem: Problem;
}

/** Each device on a host of its own, and so are the coordinator and the client. */
async function start(
  problem = mesh,
  plan = meshPlan(...meshDevices),
  prepare: (network: Network) => void = () => undefined,
): Promise<Spread> {
  const setting = virtualSetting(() => 0.02);
  const { clock } = setting;
  const network = new Network({ clock, random: createRandom(1), link });
  const on = (host: string) => {
    const machine = network.boot(host);
    return { ...setting, transport: machine.transport, clock: machine.clock };
  };
  prepare(network);
  const events: string[] = [];
  const coordinator = await startCoordinator(on("hub"), problem, plan, {
    listen: "hub:1",
    heartbeatSeconds: 0.1,
    missedHeartbeats: 5,
    replan: spread(problem.profile),
    onEvent: (event) => {
      if (event.type === "linkDown" || event.type === "linkUp") {
        events.push(`${event.type} ${[event.from, event.to].sort().join(" ")}`);
      }
    },
  });
  const agents = new Map<string, Agent>();
  for (const { name, relay } of problem.topology.devices) {
    if (relay !== undefined) continue;
    const joining = joinAgent(on(name), { address: "hub:1" }, name, { listen: `${name}:1` });
    agents.set(name, await setting.until(joining));
  }
  await setting.until(coordinator.ready());
  const client = await connect({ ...on("program"), until: setting.until }, coordinator);
  onTestFinished(async () => {
    const ending = Promise.all([client.close(), coordinator.close()]);
    await clock.advance(seconds(20));
    await ending;
  });
  return { network, coordinator, agents, client, setting, events, problem };
}

/** Both ways, or one. */
function cut({ network }: Spread, from: string, to: string, bothWays = true): void {
  network.cut(from, to, "swallowed");
  if (bothWays) network.cut(to, from, "swallowed");
}

function mend({ network }: Spread, from: string, to: string): void {
  network.heal(from, to);
  network.heal(to, from);
}

/** Asks steadily for a time, and checks that each answer is the whole graph's. */
async function askFor({ client, setting, problem }: Spread, duration: number): Promise<void> {
  const model = modelOfGraph(problem.index.graph);
  const session = await createDigestRuntime(systemClock).load(model, { threads: 1 });
  const asked: Promise<void>[] = [];
  for (let request = 0; request < duration * 10; request++) {
    const inputs = meshInputs(request);
    asked.push(
      client.infer(inputs).then(async ({ outputs }) => {
        expect(outputs).toEqual((await session.run(meshInputs(request))).outputs);
      }),
    );
    await setting.clock.advance(seconds(0.1));
  }
  await setting.until(Promise.all(asked));
}

function used({ coordinator }: Spread): string[] {
  const { generations, serving } = coordinator.status();
  const found = generations.find(({ generation }) => generation === serving);
  return [...new Set(found?.stages.map(({ device }) => device))];
}

/** Pairs whose tensors the coordinator passes on. */
function tunnels({ coordinator }: Spread): string[] {
  const { links } = coordinator.status();
  const pairs = links.filter(({ tunnelled }) => tunnelled);
  return [...new Set(pairs.map(({ from, to }) => [from, to].sort().join(" ")))];
}

test("does without a link that swallows everything, and finds the way through the coordinator", async () => {
  const cluster = await start();
  await askFor(cluster, 1);
  cut(cluster, "shed", "attic");
  await askFor(cluster, 6);
  expect(cluster.events).toEqual(["linkDown attic shed", "linkUp attic shed"]);
  const { phase, requests, failovers } = cluster.coordinator.status();
  expect({ phase, failed: requests.failed, failovers }).toEqual({
    phase: "serving",
    failed: 0,
    failovers: 1,
  });
  mend(cluster, "shed", "attic");
  cluster.coordinator.adopt(meshPlan(...meshDevices), "the link is back");
  await askFor(cluster, 3);
  expect(used(cluster)).toEqual(meshDevices);
});

test("reaches a device through the coordinator when its link to the source is cut", async () => {
  const cluster = await start();
  await askFor(cluster, 1);
  cut(cluster, "camera", "cloud");
  await askFor(cluster, 5);
  expect(cluster.events).toEqual(["linkDown camera cloud", "linkUp camera cloud"]);
  cluster.coordinator.adopt(meshPlan(...meshDevices), "it can be used again");
  await askFor(cluster, 3);
  expect(used(cluster)).toEqual(meshDevices);
  expect(tunnels(cluster)).toEqual(["camera cloud"]);
  expect(cluster.coordinator.status().requests.failed).toBe(0);
});

test("does without a device that only the coordinator has lost, and takes no answer of it twice", async () => {
  const cluster = await start();
  await askFor(cluster, 1);
  cut(cluster, "hub", "shed");
  await askFor(cluster, 4);
  expect(used(cluster)).toEqual(["camera", "attic", "cloud"]);
  mend(cluster, "hub", "shed");
  await askFor(cluster, 4);
  const { devices, requests, phase } = cluster.coordinator.status();
  expect(devices.find(({ device }) => device === "shed")).toMatchObject({ state: "idle" });
  expect({ phase, failed: requests.failed }).toEqual({ phase: "serving", failed: 0 });
});

test.each([
  ["shed", "attic"],
  ["attic", "shed"],
  ["camera", "cloud"],
  ["cloud", "camera"],
  ["shed", "hub"],
  ["hub", "shed"],
  ["camera", "hub"],
  ["hub", "camera"],
])("answers everything once and right while nothing gets from %s to %s", async (from, to) => {
  const cluster = await start();
  await askFor(cluster, 0.5);
  cut(cluster, from, to, false);
  await askFor(cluster, 4);
  mend(cluster, from, to);
  await askFor(cluster, 4);
  const { phase, requests, links } = cluster.coordinator.status();
  expect({ phase, failed: requests.failed }).toEqual({ phase: "serving", failed: 0 });
  expect(links.filter(({ state }) => state === "down")).toEqual([]);
});

/** Devices that meet at the coordinator only. */
const star = problemOf({
  inputs: { x: 8 },
  nodes: ["a", "b", "c"].map((name, node) => ({
    name,
    reads: [["x", "a", "b"][node] ?? ""],
    bytes: 4,
    seconds: [1, null, 1, 1],
  })),
  outputs: ["c"],
  devices: [
    { name: "camera" },
    { name: "office", relay: "coordinator" },
    { name: "shed" },
    { name: "cloud" },
  ],
  links: ["camera", "shed", "cloud"].flatMap((name) => between(name, "office", 0.001)),
  sink: "camera",
});

test("plans over the coordinator's relay before and after a loss, and waits for no relay to join", async () => {
  const plan = planOf(star, ["camera", "shed", "cloud"]) as Plan;
  const cluster = await start(star, plan, (network) => {
    network.cut("camera", "shed", "refused");
    network.cut("camera", "cloud", "refused");
    network.cut("shed", "cloud", "refused");
  });
  await askFor(cluster, 1);
  const { devices, links } = cluster.coordinator.status();
  expect(devices.find(({ role }) => role === "relay")).toMatchObject({
    device: "office",
    state: "running",
  });
  expect(links.every(({ state }) => state === "up")).toBe(true);
  await cluster.agents.get("shed")?.close();
  await askFor(cluster, 4);
  expect(used(cluster)).toEqual(["camera", "cloud"]);
  const after = cluster.coordinator.status();
  expect(after).toMatchObject({ phase: "serving", requests: { failed: 0 } });
  expect(after.links.filter(({ state }) => state === "down").map(({ from }) => from)).toEqual([
    "shed",
    "office",
  ]);
});
