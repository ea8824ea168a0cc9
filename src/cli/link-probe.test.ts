import { expect, test } from "vitest";
import { quietTerminal } from "../../test/fixtures/quiet-terminal.ts";
import { systemClock } from "../base/clock.node.ts";
import { formatToken } from "../cluster/token.ts";
import { createMemoryTransport } from "../transport/memory.ts";
import { agent } from "./commands/agent.ts";
import { topology } from "./commands/topology.ts";
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

test("the token of a cluster is not shown where there is no TLS", async () => {
  const token = formatToken({ secret: "secret", fingerprint: "f".repeat(43) });
  const terminal = quietTerminal();
  const { signal } = new AbortController();
  const calls = [
    agent.run({ arguments: [], options: { listen: "127.0.0.1:0", token }, terminal, signal }),
    topology.run({
      arguments: ["measure", "a=127.0.0.1:1", "b=127.0.0.1:2"],
      options: { output: "-", token },
      terminal,
      signal,
    }),
  ];
  for (const call of calls) {
    await expect(call).rejects.toMatchObject({
      code: "USAGE_INVALID",
      message: expect.stringContaining("without"),
    });
  }
});
