import { expect, test } from "vitest";
import type { Plan } from "../../src/plan/plan.ts";
import { meshDevices, meshPlan } from "../fixtures/mesh.ts";
import { planOf } from "../fixtures/plan-of.ts";
import { relayStar } from "../fixtures/relay-star.ts";
import { problemOf } from "../fixtures/sketch.ts";
import { SpreadCluster, type SpreadOptions } from "../fixtures/spread-cluster.ts";

/** What became of links. */
function linkEvents({ events }: SpreadCluster): string[] {
  return events.flatMap(({ event }) =>
    event.type === "linkDown" || event.type === "linkUp"
      ? [`${event.type} ${[event.from, event.to].sort().join(" ")}`]
      : [],
  );
}

/** Pairs whose tensors the coordinator passes on. */
function tunnels({ coordinator }: SpreadCluster): string[] {
  const { links } = coordinator.status();
  const pairs = links.filter(({ tunnelled }) => tunnelled);
  return [...new Set(pairs.map(({ from, to }) => [from, to].sort().join(" ")))];
}

test("does without a link that swallows everything, and finds the way through the coordinator", async () => {
  const cluster = await SpreadCluster.start();
  const client = await cluster.connect();
  await cluster.askFor(client, 1);
  cluster.cut("shed", "attic");
  await cluster.askFor(client, 6);
  expect(linkEvents(cluster)).toEqual(["linkDown attic shed", "linkUp attic shed"]);
  const { phase, requests, failovers } = cluster.coordinator.status();
  expect({ phase, failed: requests.failed, failovers }).toEqual({
    phase: "serving",
    failed: 0,
    failovers: 1,
  });
  cluster.mend("shed", "attic");
  cluster.coordinator.adopt(meshPlan(...meshDevices), "the link is back");
  await cluster.askFor(client, 3);
  expect(cluster.used()).toEqual(meshDevices);
});

test("reaches a device through the coordinator when its link to the source is cut", async () => {
  const cluster = await SpreadCluster.start();
  const client = await cluster.connect();
  await cluster.askFor(client, 1);
  cluster.cut("camera", "cloud");
  await cluster.askFor(client, 5);
  expect(linkEvents(cluster)).toEqual(["linkDown camera cloud", "linkUp camera cloud"]);
  cluster.coordinator.adopt(meshPlan(...meshDevices), "it can be used again");
  await cluster.askFor(client, 6);
  expect(cluster.used()).toEqual(meshDevices);
  expect(tunnels(cluster)).toEqual(["camera cloud"]);
  expect(cluster.coordinator.status().requests.failed).toBe(0);
});

test("does without a device that only the coordinator has lost, and takes no answer of it twice", async () => {
  const cluster = await SpreadCluster.start();
  const client = await cluster.connect();
  await cluster.askFor(client, 1);
  cluster.cut("hub", "shed");
  await cluster.askFor(client, 4);
  expect(cluster.used()).toEqual(["camera", "attic", "cloud"]);
  cluster.mend("hub", "shed");
  await cluster.askFor(client, 4);
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
  const cluster = await SpreadCluster.start();
  const client = await cluster.connect();
  await cluster.askFor(client, 0.5);
  cluster.cut(from, to, false);
  await cluster.askFor(client, 4);
  cluster.mend(from, to);
  await cluster.askFor(client, 4);
  const { phase, requests, links } = cluster.coordinator.status();
  expect({ phase, failed: requests.failed }).toEqual({ phase: "serving", failed: 0 });
  expect(links.filter(({ state }) => state === "down")).toEqual([]);
});

const star = problemOf(relayStar);

test("plans over the coordinator's relay before and after a loss, and waits for no relay to join", async () => {
  const plan = planOf(star, ["camera", "shed", "cloud"]) as Plan;
  const prepare: SpreadOptions["prepare"] = (network) => {
    network.cut("camera", "shed", "refused");
    network.cut("camera", "cloud", "refused");
    network.cut("shed", "cloud", "refused");
  };
  const cluster = await SpreadCluster.start({ problem: star, plan, prepare });
  const client = await cluster.connect();
  await cluster.askFor(client, 1);
  const { devices, links } = cluster.coordinator.status();
  expect(devices.find(({ role }) => role === "relay")).toMatchObject({
    device: "office",
    state: "running",
  });
  expect(links.every(({ state }) => state === "up")).toBe(true);
  cluster.kill("shed");
  await cluster.askFor(client, 4);
  expect(cluster.used()).toEqual(["camera", "cloud"]);
  const after = cluster.coordinator.status();
  expect(after).toMatchObject({ phase: "serving", requests: { failed: 0 } });
  expect(after.links.filter(({ state }) => state === "down").map(({ from }) => from)).toEqual([
    "shed",
    "office",
  ]);
});
