import { expect, onTestFinished, test } from "vitest";
import { joinAgent, realSetting, startCoordinator } from "../../../test/fixtures/cluster.ts";
import { planOf } from "../../../test/fixtures/plan-of.ts";
import { problemOf } from "../../../test/fixtures/sketch.ts";
import type { Plan } from "../../plan/plan.ts";
import { tcpTransport } from "../../transport/tcp.node.ts";
import { checkCluster, checkCoordinator } from "./network.ts";
import { systemProbes } from "./probes.ts";

const problem = problemOf({
  inputs: { x: 8 },
  nodes: [
    { name: "a", reads: ["x"], bytes: 4, seconds: [1, 1] },
    { name: "b", reads: ["a"], bytes: 4, seconds: [1, 1] },
  ],
  outputs: ["b"],
  devices: [{ name: "camera" }, { name: "cloud" }],
  links: [
    { from: "camera", to: "cloud", secondsPerByte: 1 },
    { from: "cloud", to: "camera", secondsPerByte: 1 },
  ],
  sink: "camera",
});

test("sees a cluster over TCP as it is: first a device that is away, then both and their link", async () => {
  const setting = { ...realSetting(), transport: tcpTransport };
  const plan = planOf(problem, ["camera", "cloud"]) as Plan;
  const coordinator = await startCoordinator(setting, problem, plan, { token: "secret" });
  onTestFinished(() => coordinator.close());
  const question = { join: coordinator.address, token: "secret" };
  const look = async () => {
    const { checks, status } = await checkCoordinator(question, systemProbes);
    expect(checks.filter(({ state }) => state !== "ok")).toEqual([]);
    if (status === null) throw new Error("the coordinator did not tell how the cluster stands");
    const found = await checkCluster(status, ["camera", "cloud"], question.join, systemProbes);
    return Object.fromEntries(found.map(({ name, state }) => [name, state]));
  };
  await joinAgent(setting, coordinator, "camera", { token: "secret" });
  expect(await look()).toMatchObject({
    "device camera": "ok",
    "device cloud": "failed",
    "link camera → cloud": "skipped",
  });
  await joinAgent(setting, coordinator, "cloud", { token: "secret" });
  await coordinator.ready();
  expect(await look()).toMatchObject({
    "device camera": "ok",
    "device cloud": "ok",
    "link camera → cloud": "ok",
  });
  const refused = await checkCoordinator({ ...question, token: "another" }, systemProbes);
  expect(refused.checks.at(-1)).toMatchObject({ name: "token", state: "failed" });
});
