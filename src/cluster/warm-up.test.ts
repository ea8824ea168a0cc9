import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { CodedError } from "../base/errors.ts";
import { seconds } from "../base/units.ts";
import { createVirtualClock } from "../base/virtual-clock.ts";
import type { Session } from "../runtime/runtime.ts";
import { Processor } from "./processor.ts";
import { warmUp } from "./warm-up.ts";

/** A session that takes one input, and the inputs of its runs. */
function sessionOf(dataType: string, fails = false): { session: Session; runs: unknown[] } {
  const runs: unknown[] = [];
  const session: Session = {
    inputs: [{ name: "x", dataType, shape: ["batch", 2] }],
    outputs: [],
    run: async (inputs) => {
      runs.push(inputs["x"]?.shape);
      if (fails) throw new CodedError("RUNTIME_FAILED", "it does not run");
      return { outputs: {}, computeSeconds: seconds(0) };
    },
    release: async () => undefined,
  };
  return { session, runs };
}

const idle = (): Processor => new Processor(createVirtualClock());
const always = (): boolean => true;

test("a session runs once before it is needed, on inputs of its shape, whoever asks for it", async () => {
  const { session, runs } = sessionOf("float32");
  const processor = idle();
  warmUp([session], processor, always);
  warmUp([session], processor, always);
  await setImmediate();
  warmUp([session], processor, always);
  await setImmediate();
  expect(runs).toEqual([[1, 2]]);
});

test("what was not wanted any more when its turn came runs when it is wanted again", async () => {
  const { session, runs } = sessionOf("float32");
  const processor = idle();
  warmUp([session], processor, () => false);
  await setImmediate();
  expect(runs).toHaveLength(0);
  warmUp([session], processor, always);
  await setImmediate();
  expect(runs).toHaveLength(1);
});

test("requests come first, also those that came later", async () => {
  const processor = idle();
  const { session, runs } = sessionOf("float64");
  const before: number[] = [];
  const ask = (request: number): void =>
    processor.enqueue({
      request,
      position: 0,
      isWanted: always,
      run: async () => {
        before.push(runs.length);
        return () => undefined;
      },
    });
  ask(1);
  warmUp([session], processor, always);
  ask(2 ** 40);
  await setImmediate();
  expect([before, runs.length]).toEqual([[0, 0], 1]);
});

test("whole numbers, which may be indices, are not made up, and who fails is asked once", async () => {
  const [whole, broken] = [sessionOf("int64"), sessionOf("float32", true)];
  const processor = idle();
  warmUp([whole.session, broken.session], processor, always);
  await setImmediate();
  warmUp([broken.session], processor, always);
  await setImmediate();
  expect([whole.runs, broken.runs]).toEqual([[], [[1, 2]]]);
});
