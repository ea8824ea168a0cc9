import { expect, onTestFinished, test } from "vitest";
import { startCoordinator, virtualSetting } from "../../test/fixtures/cluster.ts";
import { createMemoryCell } from "../../test/fixtures/memory-cell.ts";
import { pairProblem } from "../../test/fixtures/pair.ts";
import { planOf } from "../../test/fixtures/plan-of.ts";
import { CodedError } from "../base/errors.ts";
import { seconds } from "../base/units.ts";
import { KnownDevices } from "../cluster/identity.ts";
import type { Plan } from "../plan/plan.ts";
import { askToForget, forgetWhenAsked } from "./forgetting.ts";

test("who leads frees the names that who stands by was told to, as soon as it can", async () => {
  const setting = virtualSetting(() => 0.5);
  const { clock, until } = setting;
  const over = new AbortController();
  onTestFinished(() => over.abort());
  const key = { keyFingerprint: "k", address: "10.0.0.2:7001" };
  const known = new KnownDevices({ camera: key, cloud: key });
  let kept = "";
  const journal = {
    load: async () => null,
    save: async (text: string) => {
      kept = text;
    },
  };
  const problem = pairProblem();
  const plan = planOf(problem, ["camera", "cloud"]) as Plan;
  const coordinator = await startCoordinator(setting, problem, plan, { known, journal });
  const cell = createMemoryCell();
  const standby = cell.view();
  await askToForget(standby, ["camera"]);
  let hasBegun = false;
  const freed: [string, boolean][] = [];
  const forget = async (device: string): Promise<void> => {
    if (!hasBegun) throw new CodedError("MODEL_NOT_READY", "nothing is led yet");
    freed.push([device, await coordinator.forget(device)]);
  };
  void forgetWhenAsked({ cell: cell.view(), clock, forget, signal: over.signal });
  await clock.advance(seconds(1));
  await askToForget(standby, ["attic"]);
  expect(Object.keys(known.toJSON())).toEqual(["camera", "cloud"]);
  hasBegun = true;
  while ((await standby.read()).text !== "[]") await clock.advance(seconds(0.1));
  expect(freed).toEqual([
    ["camera", true],
    ["attic", false],
  ]);
  expect(Object.keys(JSON.parse(kept).devices)).toEqual(["cloud"]);
  await until(coordinator.close());
});
