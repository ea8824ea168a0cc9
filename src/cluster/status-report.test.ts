import { expect, onTestFinished, test } from "vitest";
import { realSetting, startCoordinator } from "../../test/fixtures/cluster.ts";
import { codec, withTensorCodecs } from "../../test/fixtures/coded-problem.ts";
import { mesh, meshDevices } from "../../test/fixtures/mesh.ts";
import { planOf } from "../../test/fixtures/plan-of.ts";
import type { Plan } from "../plan/plan.ts";
import { statusSchema } from "./watch-schema.ts";

test("the status of a plan with codecs, which make fractions of bytes, is one that may be sent", async () => {
  const problem = withTensorCodecs(mesh, { a: { bitmap: codec(3, 0, 0) } });
  const plan = planOf(problem, meshDevices) as Plan;
  expect(plan.transfers.some(({ bytes }) => !Number.isInteger(bytes))).toBe(true);
  const coordinator = await startCoordinator(realSetting(), problem, plan);
  onTestFinished(() => coordinator.close());
  expect(statusSchema.safeParse(coordinator.status()).error).toBeUndefined();
});
