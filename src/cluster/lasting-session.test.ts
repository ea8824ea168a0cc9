import { setImmediate as settle } from "node:timers/promises";
import { expect, test } from "vitest";
import { byteTensor } from "../../test/fixtures/digest-runtime.ts";
import { CodedError } from "../base/errors.ts";
import { seconds } from "../base/units.ts";
import type { Session } from "../runtime/runtime.ts";
import { LastingSession } from "./lasting-session.ts";

/** Sessions that die in the middle of a run for some inputs, and refuse others. */
function mortals() {
  const released: number[] = [];
  let loaded = 0;
  const load = (): Session => {
    const number = loaded;
    loaded++;
    let die: (error: CodedError) => void = () => undefined;
    const died = new Promise<CodedError>((resolve) => {
      die = resolve;
    });
    return {
      inputs: [],
      outputs: [],
      died,
      run: async ({ x }) => {
        const error = new CodedError("RUNTIME_FAILED", "it failed", { number });
        if (x?.data[0] === 0) die(error);
        if ((x?.data[0] ?? 0) < 2) throw error;
        return { outputs: {}, computeSeconds: seconds(0) };
      },
      release: async () => void released.push(number),
    };
  };
  const session = new LastingSession(load(), async () => load());
  const run = (byte: number) => session.run({ x: byteTensor([byte]) });
  return { session, run, released };
}
const [deadly, wrong, good] = [0, 1, 2] as const;

test("a run in which the session dies says so; one that merely fails does not", async () => {
  const { run } = mortals();
  await expect(run(deadly)).rejects.toMatchObject({
    code: "RUNTIME_FAILED",
    details: { number: 0, isDead: true },
  });
  const failure = await run(wrong).catch((error: CodedError) => error.details);
  expect(failure).toEqual({ number: 1 });
  await run(good);
});

test("an input that kills each session it is tried on, twice, leaves one that runs others", async () => {
  const { run } = mortals();
  for (let input = 0; input < 4; input++) {
    await expect(run(deadly)).rejects.toMatchObject({ details: { isDead: true } });
    await expect(run(deadly)).rejects.toMatchObject({ details: { isDead: true } });
    await run(good);
  }
});

test("each session that died is released once, also that which is lost, and nothing waits for it", async () => {
  const { session, run, released } = mortals();
  for (let death = 0; death < 3; death++) await run(deadly).catch(() => undefined);
  expect(await session.lost).toMatchObject({ code: "RUNTIME_FAILED" });
  await settle();
  await session.release();
  expect(released).toEqual([0, 1, 2]);
  await expect(run(good)).rejects.toMatchObject({ message: "it failed" });
});
