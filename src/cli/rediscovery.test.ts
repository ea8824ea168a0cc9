import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { createMemoryTransport } from "../transport/memory.ts";
import { withRediscovery } from "./rediscovery.ts";

test("asks again for a coordinator that cannot be dialled, and dials it where it is then", async () => {
  const transport = createMemoryTransport();
  const old = await transport.listen("old");
  let asked = 0;
  const found = withRediscovery(transport, "old", async () => {
    asked++;
    if (asked === 1) throw new Error("nobody answers");
    return "new";
  });
  await using first = await found.connect("old");
  expect([first.peer.includes("old"), asked]).toEqual([true, 0]);
  await old.close();
  await using _ = await transport.listen("new");
  for (const attempt of [1, 2]) {
    await expect(found.connect("old")).rejects.toMatchObject({ code: "CHANNEL_CLOSED" });
    await setImmediate();
    expect(asked).toBe(attempt);
  }
  await using second = await found.connect("old");
  expect([second.peer.includes("new"), asked]).toEqual([true, 2]);
});

test("asks once at a time, and never for the other addresses that it dials", async () => {
  const transport = createMemoryTransport();
  let asked = 0;
  const found = withRediscovery(transport, "coordinator", () => {
    asked++;
    return new Promise(() => undefined);
  });
  await expect(found.connect("camera")).rejects.toMatchObject({ code: "CHANNEL_CLOSED" });
  expect(asked).toBe(0);
  for (const _ of [1, 2, 3]) {
    await expect(found.connect("coordinator")).rejects.toMatchObject({ code: "CHANNEL_CLOSED" });
  }
  expect(asked).toBe(1);
});
