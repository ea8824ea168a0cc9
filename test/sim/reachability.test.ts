import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../src/base/clock.node.ts";
import { createRandom } from "../../src/base/random.ts";
import { seconds } from "../../src/base/units.ts";
import type { AgentOptions } from "../../src/cluster/agent-options.ts";
import type { Client } from "../../src/cluster/client.ts";
import type { Coordinator } from "../../src/cluster/coordinator.ts";
import type { Plan } from "../../src/plan/plan.ts";
import type { Problem } from "../../src/plan/problem.ts";
import { Network } from "../../src/sim/network.ts";
import { connect, joinAgent, startCoordinator, virtualSetting } from "../fixtures/cluster.ts";
import { createDigestRuntime, modelOfGraph } from "../fixtures/digest-runtime.ts";
import { mesh, meshAnswer, meshDevices, meshInputs, meshPlan } from "../fixtures/mesh.ts";
import { planOf } from "../fixtures/plan-of.ts";
import { between, problemOf } from "../fixtures/sketch.ts";

const link = { latencySeconds: 0.005, bandwidthBitsPerSecond: 1e8 };
type Advertise = Partial<Record<string, AgentOptions["addresses"]>>;

/** Each device on a host of its own; the coordinator and the client on the hub. */
async function startSpread(
  prepare: (network: Network) => void,
  {
    advertise = {},
    problem = mesh,
    plan = meshPlan(...meshDevices),
  }: { advertise?: Advertise; problem?: Problem; plan?: Plan } = {},
) {
  const setting = virtualSetting();
  const { clock } = setting;
  const network = new Network({ clock, random: createRandom(1), link });
  const coordinated = problem.topology.devices
    .filter(({ relay }) => relay === undefined)
    .map(({ name }) => name);
  const machines = ["hub", ...coordinated].map((name) => [name, network.boot(name)] as const);
  const { transport, clock: own } = machines[0]?.[1] ?? expect.fail("there is no hub");
  const hub = { ...setting, transport, clock: own };
  prepare(network);
  const coordinator = await startCoordinator(hub, problem, plan, { listen: "hub:1" });
  for (const [name, machine] of machines.slice(1)) {
    const addresses = advertise[name];
    const on = { ...setting, transport: machine.transport, clock: machine.clock };
    const more = addresses === undefined ? {} : { addresses };
    await setting.until(
      joinAgent(on, { address: "hub:1" }, name, { listen: `${name}:1`, ...more }),
    );
  }
  await setting.until(coordinator.ready());
  const client = await connect(hub, coordinator);
  onTestFinished(async () => {
    const ending = Promise.all([client.close(), coordinator.close()]);
    await clock.advance(seconds(5));
    await ending;
  });
  return { network, coordinator, client, setting };
}

async function requireAnswers(
  { client, setting }: { client: Client; setting: ReturnType<typeof virtualSetting> },
  count = 10,
): Promise<void> {
  const requests = Array.from({ length: count }, (_, request) => request);
  const asked = requests.map((request) => client.infer(meshInputs(request)));
  const answers = await setting.until(Promise.all(asked));
  for (const request of requests) {
    expect(answers[request]?.outputs).toEqual(await meshAnswer(request));
  }
}

/** Pairs whose frames the coordinator passes on. */
function tunnels(coordinator: Coordinator): string[] {
  const pairs = coordinator
    .status()
    .links.filter(({ tunnelled }) => tunnelled)
    .map(({ from, to }) => [from, to].sort().join(" "));
  return [...new Set(pairs)].sort();
}

test.each(["refused", "swallowed"] as const)(
  "needs no tunnel where one side of a channel cannot be dialled (%s): the other is",
  async (how) => {
    // Of the hops camera → shed → attic → cloud each has one such side: consumer or producer.
    const spread = await startSpread((network) => {
      network.hide("shed", how);
      network.hide("cloud", how);
    });
    await requireAnswers(spread);
    expect(tunnels(spread.coordinator)).not.toContain("camera shed");
    expect(tunnels(spread.coordinator)).not.toContain("attic shed");
    expect(tunnels(spread.coordinator)).not.toContain("attic cloud");
  },
);

test.each(["refused", "swallowed"] as const)(
  "goes through the coordinator where neither side can be dialled (%s)",
  async (how) => {
    const spread = await startSpread((network) => {
      network.hide("shed", how);
      network.hide("attic", how);
    });
    await requireAnswers(spread);
    expect(tunnels(spread.coordinator)).toEqual(["attic shed"]);
  },
);

test("answers when no device can be dialled but the source, where clients go", async () => {
  const spread = await startSpread((network) => {
    for (const name of ["shed", "attic", "cloud"]) network.hide(name, "swallowed");
  });
  await requireAnswers(spread);
  expect(tunnels(spread.coordinator)).toEqual(["attic cloud", "attic shed"]);
});

test("finds the address that works among dead ones and black holes", async () => {
  const advertise: Advertise = Object.fromEntries(
    meshDevices.map((name) => [
      name,
      (listening: string) => ["hole:1", `${name}:9`, listening, "nowhere:1"],
    ]),
  );
  const spread = await startSpread(
    (network) => {
      network.boot("hole");
      network.hide("hole", "swallowed");
    },
    { advertise },
  );
  await requireAnswers(spread);
  expect(tunnels(spread.coordinator)).toEqual([]);
});

test("charges both links of the coordinator's relay, and sends what crosses it through a tunnel", async () => {
  const sketched = problemOf({
    inputs: { x: 8 },
    nodes: [
      { name: "a", reads: ["x"], bytes: 4, seconds: [1, null, 9] },
      { name: "b", reads: ["a"], bytes: 4, seconds: [9, null, 1] },
    ],
    outputs: ["b"],
    devices: [{ name: "camera" }, { name: "office", relays: true }, { name: "cloud" }],
    links: [...between("camera", "office", 0.01), ...between("office", "cloud", 0.02)],
    sink: "camera",
  });
  const devices = sketched.topology.devices.map((device) =>
    device.name === "office" ? { ...device, relay: "coordinator" as const } : device,
  );
  const problem = { ...sketched, topology: { ...sketched.topology, devices } };
  const plan = planOf(problem, ["camera", "cloud"]);
  if (plan === null) return expect.fail("there is a way through the office");
  // 4 bytes there and 4 back, each over both links.
  expect(plan.claimed.latencySeconds).toBeCloseTo(2 + 2 * 4 * (0.01 + 0.02), 9);

  const spread = await startSpread((network) => network.cut("camera", "cloud", "refused"), {
    problem,
    plan,
  });
  const answer = await spread.setting.until(spread.client.infer(meshInputs(3)));
  const whole = await createDigestRuntime(systemClock).load(modelOfGraph(problem.index.graph), {
    threads: 1,
  });
  expect(answer.outputs).toEqual((await whole.run(meshInputs(3))).outputs);
  expect(spread.coordinator.status().phase).toBe("serving");
});
