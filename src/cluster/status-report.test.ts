import { expect, onTestFinished, test } from "vitest";
import { realSetting, startCoordinator } from "../../test/fixtures/cluster.ts";
import { codec, withTensorCodecs } from "../../test/fixtures/coded-problem.ts";
import { mesh, meshDevices } from "../../test/fixtures/mesh.ts";
import { pictureProblem, stage } from "../../test/fixtures/picture-problem.ts";
import { planOf } from "../../test/fixtures/plan-of.ts";
import type { Plan, Stage } from "../plan/plan.ts";
import { Measurements } from "./measurements.ts";
import { statusSchema } from "./watch-schema.ts";

test("the status of a plan with codecs, which make fractions of bytes, is one that may be sent", async () => {
  const problem = withTensorCodecs(mesh, { a: { bitmap: codec(3, 0, 0) } });
  const plan = planOf(problem, meshDevices) as Plan;
  expect(plan.transfers.some(({ bytes }) => !Number.isInteger(bytes))).toBe(true);
  const coordinator = await startCoordinator(realSetting(), problem, plan);
  onTestFinished(() => coordinator.close());
  expect(statusSchema.safeParse(coordinator.status()).error).toBeUndefined();
});

test("a stage of several devices takes as long as the slowest, in all tiles that it has", () => {
  const problem = pictureProblem({});
  const tiles = [stage([0, 1], [1, 2, 2], [2, 5, 8])];
  const [shared, alone] = (planOf(problem, ["left", "left", "camera"], tiles) as Plan).stages;
  const measurements = new Measurements();
  const heard = (...stages: (readonly [string, string, number])[]) =>
    measurements.take({
      ...{ generation: 1, seconds: 1, answered: 1, failed: 0, replayed: 0 },
      ...{ inFlight: 0, waiting: 0, latencySeconds: 1, requestsPerPass: 1, hops: [] },
      stages: stages.map(([stage, device, computeSeconds]) => ({
        ...{
          stage,
          device,
          rows: 1,
          count: 1,
          queueSeconds: 0,
          computeSeconds,
          busySeconds: computeSeconds,
        },
      })),
    });
  const seconds = () => [shared, alone].map((one) => measurements.stageSeconds(1, one as Stage, 1));
  heard(["s0", "left", 4], ["s0.0", "right", 3]);
  expect(seconds()).toEqual([null, null]);
  heard(["s0.1", "right", 2], ["s1", "camera", 8]);
  expect(seconds()).toEqual([5, 8]);
});
