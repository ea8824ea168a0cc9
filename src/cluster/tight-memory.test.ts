import { expect, onTestFinished, test } from "vitest";
import {
  connect,
  joinAgent,
  startCoordinator,
  virtualSetting,
} from "../../test/fixtures/cluster.ts";
import { byteTensor } from "../../test/fixtures/digest-runtime.ts";
import { planOf } from "../../test/fixtures/plan-of.ts";
import { between, problemOf } from "../../test/fixtures/sketch.ts";
import { spread } from "../../test/fixtures/spread.ts";
import { seconds } from "../base/units.ts";
import type { Plan } from "../plan/plan.ts";

const partBytes = 2048;

/** Four nodes in a row, whose weights are what they need memory for. */
const problem = problemOf({
  inputs: { x: 8 },
  nodes: ["a", "b", "c", "d"].map((name, at) => ({
    name,
    reads: [["x", "a", "b", "c"][at] as string],
    bytes: 4,
    seconds: [1, 1],
    parameterBytes: partBytes,
  })),
  outputs: ["d"],
  devices: [{ name: "camera" }, { name: "cloud" }],
  links: between("camera", "cloud", 0.001),
  sink: "camera",
});
const halves = planOf(problem, ["camera", "camera", "cloud", "cloud"]) as Plan;

/** @param parts so many nodes fit into the source's memory, and a little more */
async function start(parts: number) {
  const setting = virtualSetting(() => 1);
  const coordinator = await startCoordinator(setting, problem, halves, {
    heartbeatSeconds: 0.1,
    missedHeartbeats: 5,
    replan: spread(problem.profile),
  });
  onTestFinished(() => coordinator.close());
  await joinAgent(setting, coordinator, "camera", { memoryBytes: (parts + 0.5) * partBytes });
  const cloud = await joinAgent(setting, coordinator, "cloud");
  await setting.until(coordinator.ready());
  const client = await connect(setting, coordinator);
  onTestFinished(() => client.close());
  return { setting, coordinator, cloud, client };
}

test("gives up the parts of what is lost where they leave no room for what is to serve next", async () => {
  const { setting, coordinator, cloud, client } = await start(5);
  const asked = [...Array(8).keys()].map((n) => client.infer({ x: byteTensor([n, 7]) }));
  const answered = Promise.all(asked);
  await setting.clock.advance(seconds(3.3));
  await cloud.close();
  expect(await setting.until(answered)).toHaveLength(asked.length);
  expect(coordinator.status()).toMatchObject({ phase: "serving", failovers: 1 });
});

test("gives up the standby where it leaves no room for a better plan, and has one again later", async () => {
  const { setting, coordinator, client } = await start(6);
  const standbys = () =>
    coordinator.status().generations.filter(({ state }) => state === "standby").length;
  await setting.clock.advance(seconds(2));
  expect(standbys()).toBe(1);
  coordinator.adopt(
    planOf(problem, ["camera", "cloud", "cloud", "cloud"]) as Plan,
    "more is done elsewhere",
  );
  await setting.until(client.infer({ x: byteTensor([1, 7]) }));
  await setting.clock.advance(seconds(5));
  expect(coordinator.status()).toMatchObject({ phase: "serving", switches: 1, failovers: 0 });
  expect(standbys()).toBe(1);
});
