import { expect, test } from "vitest";
import { transportConformance } from "../../test/conformance/transport.ts";
import { createMemoryTransport } from "./memory.ts";

transportConformance("memory", () => ({
  transport: createMemoryTransport(),
  anyAddress: "gateway:0",
  deserted: "nowhere:1",
  rawDial: { impossible: "there are no bytes between its two sides that a stranger could write" },
}));

test("cutting an address ends its channels in disorder and leaves others alone", async () => {
  const transport = createMemoryTransport();
  const lost = await transport.listen("lost");
  const kept = await transport.listen("kept");
  const toLost = await transport.connect("lost");
  const toKept = await transport.connect("kept");
  transport.cut("lost");
  expect(await toLost.ended).toMatchObject({ code: "CHANNEL_CLOSED" });
  await expect(transport.connect("lost")).rejects.toMatchObject({ code: "CHANNEL_CLOSED" });
  await expect(toLost[Symbol.asyncIterator]().next()).rejects.toMatchObject({
    code: "CHANNEL_CLOSED",
  });
  await toKept.send({ header: { type: "alive" }, payload: new Uint8Array(0) });
  await Promise.all([toKept.close(), kept.close(), lost.close()]);
});
