import { expect, test } from "vitest";
import { createVirtualClock } from "../base/virtual-clock.ts";
import { createMemoryTransport } from "../transport/memory.ts";
import { decodeMessage } from "./protocol.ts";
import { Roster } from "./roster.ts";

test("tells whoever comes while it closes to end, and nothing else", async () => {
  const clock = createVirtualClock();
  const transport = createMemoryTransport();
  const roster = new Roster(clock, { heartbeatSeconds: 0.5, missedHeartbeats: 10 }, ["first"]);
  await using listener = await transport.listen("coordinator:0");
  const accepted = listener[Symbol.asyncIterator]().next();
  await using channel = await transport.connect(listener.address);
  await roster.close("it is over");
  const { value } = await accepted;
  if (value === undefined) throw new Error("nobody came");
  void roster.accept(value);
  const heard = [];
  for await (const frame of channel) heard.push(decodeMessage(frame).message);
  expect(heard).toEqual([{ type: "shutdown", reason: "it is over" }]);
});
