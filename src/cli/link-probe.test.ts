import { expect, test } from "vitest";
import { systemClock } from "../base/clock.node.ts";
import { createMemoryTransport } from "../transport/memory.ts";
import { answerProbes, probe, probeBetween } from "./link-probe.ts";

async function twoAgents() {
  const transport = createMemoryTransport();
  const setting = { transport, clock: systemClock, token: "T", seconds: 0.01 };
  const listeners = await Promise.all(["a", "b"].map((name) => transport.listen(name)));
  const serving = listeners.map((listener) => answerProbes(listener, setting));
  const close = async () => {
    await Promise.all(listeners.map((listener) => listener.close()));
    await Promise.all(serving);
  };
  return { setting, close };
}

test("measures from here to an agent, and from one agent to another", async () => {
  const { setting, close } = await twoAgents();
  for (const found of [await probe("a", setting), await probeBetween("a", "b", setting)]) {
    expect(found.roundTripSeconds).toBeGreaterThan(0);
    expect(found.bitsPerSecond).toBeGreaterThan(0);
    expect(Number.isFinite(found.bitsPerSecond)).toBe(true);
  }
  await close();
});

test("measures nothing for whoever lacks the token, nor towards an agent that is not there", async () => {
  const { setting, close } = await twoAgents();
  await expect(probe("a", { ...setting, token: "other" })).rejects.toMatchObject({
    code: "TOKEN_REFUSED",
  });
  await expect(probeBetween("a", "nowhere", setting)).rejects.toMatchObject({
    code: "CHANNEL_CLOSED",
  });
  await close();
});
