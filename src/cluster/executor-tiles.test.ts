import { setImmediate as settle } from "node:timers/promises";
import { expect, test } from "vitest";
import { pictureProblem, stage } from "../../test/fixtures/picture-problem.ts";
import { planOf } from "../../test/fixtures/plan-of.ts";
import { seconds } from "../base/units.ts";
import { createVirtualClock } from "../base/virtual-clock.ts";
import type { TensorValue } from "../graph/tensor-value.ts";
import type { Plan } from "../plan/plan.ts";
import type { Session } from "../runtime/runtime.ts";
import type { Failure, Report } from "./data-message.ts";
import { createDeployment, type DeviceDeployment } from "./deployment.ts";
import { Executor } from "./executor.ts";
import { Keeper } from "./keeper.ts";
import { Processor } from "./processor.ts";

const problem = pictureProblem({});
const plan = planOf(
  problem,
  ["left", "left", "camera"],
  [stage([0], [1, 2], [4, 8]), stage([1], [1, 2], [4, 8])],
) as Plan;
const { devices } = createDeployment(plan, problem.index.graph, problem.topology, 1);
const left = devices.find(({ device }) => device === "left") as DeviceDeployment;

function picture(...bytes: number[]): TensorValue {
  return { dataType: "uint8", shape: [1, 1, bytes.length, 1], data: Uint8Array.from(bytes) };
}

/** Makes of 5 rows their first 4, each larger by so much. */
function session(reads: string, makes: string, more: number): Session {
  return {
    inputs: [],
    outputs: [],
    run: async (values) => {
      const rows = [...(values[reads]?.data ?? [])].slice(0, 4).map((row) => row + more);
      return { outputs: { [makes]: picture(...rows) }, computeSeconds: seconds(0) };
    },
    release: async () => undefined,
  };
}

function setUp(keeper = new Keeper(1000)) {
  const clock = createVirtualClock({ settle: () => settle() });
  const sent: string[] = [];
  const outcomes: (Report | Failure)[] = [];
  const executor = new Executor({
    deployment: left,
    sessions: new Map([
      ["s0", session("in", "a", 10)],
      ["s1", session("a", "b", 100)],
    ]),
    clock,
    processor: new Processor(clock),
    keeper,
    deliver: async (to, request, tensor, { data }) => {
      sent.push(`${request} ${tensor} to ${to}: ${[...data]}`);
      return { queueSeconds: seconds(0), sendSeconds: seconds(0) };
    },
    onOutcome: (outcome) => outcomes.push(outcome),
  });
  const arrive = async (tensor: string, value: TensorValue, from: string) => {
    const how = { from, bytes: value.data.length, transitSeconds: 0, decodeSeconds: 0 };
    executor.accept(1, tensor, value, how);
    await clock.advance(seconds(0));
  };
  return { executor, clock, sent, outcomes, keeper, arrive };
}

test("a tile waits for its neighbour's rows, which stand behind the device's own", async () => {
  const { sent, outcomes, arrive, executor } = setUp();
  await arrive("in[0:5,0:1]", picture(0, 1, 2, 3, 4), "camera");
  expect(sent).toEqual(["1 a[3:4,0:1] to right: 13"]);
  expect(executor.heldBytes).toBe(5);
  await arrive("a[4:5,0:1]", picture(50), "right");
  expect(sent.slice(1)).toEqual(["1 b[0:4,0:1] to camera: 110,111,112,113"]);
  expect(outcomes.map(({ type }) => type)).toEqual(["report"]);
  expect(executor.heldBytes).toBe(0);
});

test("a neighbour's rows may come first, and twice", async () => {
  const { sent, arrive } = setUp();
  await arrive("a[4:5,0:1]", picture(50), "right");
  await arrive("a[4:5,0:1]", picture(50), "right");
  await arrive("in[0:5,0:1]", picture(0, 1, 2, 3, 4), "camera");
  expect(sent.map((line) => line.split(" to ")[0])).toEqual(["1 a[3:4,0:1]", "1 b[0:4,0:1]"]);
});

test("a request fails if what comes is not the region that it says", async () => {
  const { outcomes, arrive } = setUp();
  await arrive("a[4:5,0:1]", picture(50, 51), "right");
  expect(outcomes).toMatchObject([{ type: "failure", error: { code: "TENSOR_SHAPE_MISMATCH" } }]);
});

test("goes on with regions that were kept for another plan", async () => {
  const keeper = new Keeper(1000);
  keeper.keep(1, "a[0:3,0:1]", picture(10, 11, 12));
  keeper.keep(1, "a[2:8,0:1]", picture(12, 13, 14, 15, 16, 17));
  const { executor, clock, sent, outcomes } = setUp(keeper);
  const forwards = [{ tensor: "b[0:4,0:1]", to: "camera" }];
  executor.begin(1, { stages: ["s1"], forwards, answers: [] });
  await clock.advance(seconds(0));
  expect(sent).toEqual(["1 b[0:4,0:1] to camera: 110,111,112,113"]);
  expect(outcomes.map(({ type }) => type)).toEqual(["report"]);
});

test("regions of a request that nobody waits for any more go, and those that come later are not held", async () => {
  const { executor, keeper, outcomes, arrive } = setUp();
  await arrive("a[4:5,0:1]", picture(50), "right");
  expect(executor.heldBytes).toBe(5);
  keeper.settle({ below: 2, open: [] });
  executor.settle();
  expect(executor.heldBytes).toBe(0);
  await arrive("in[0:5,0:1]", picture(0, 1, 2, 3, 4), "camera");
  expect([executor.heldBytes, keeper.heldBytes, outcomes]).toEqual([0, 0, []]);
});

test("regions of what is not to be done any more go, too", async () => {
  const { executor, outcomes, arrive } = setUp();
  await arrive("a[4:5,0:1]", picture(50), "right");
  executor.begin(1, {
    stages: ["s0"],
    forwards: [{ tensor: "a[3:4,0:1]", to: "right" }],
    answers: [],
  });
  expect(executor.heldBytes).toBe(0);
  await arrive("in[0:5,0:1]", picture(0, 1, 2, 3, 4), "camera");
  expect(outcomes.map(({ type }) => type)).toEqual(["report"]);
  expect(executor.heldBytes).toBe(0);
});

test("what comes behind a region that is wrong is not held", async () => {
  const { executor, outcomes, arrive } = setUp();
  await arrive("a[4:5,0:1]", picture(50, 51), "right");
  await arrive("in[0:5,0:1]", picture(0, 1, 2, 3, 4), "camera");
  expect(outcomes.map(({ type }) => type)).toEqual(["failure"]);
  expect(executor.heldBytes).toBe(0);
});
