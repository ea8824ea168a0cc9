import { expect, test } from "vitest";
import { virtualSetting } from "../../test/fixtures/cluster.ts";
import { shapeOf } from "../../test/fixtures/imitated-cluster.ts";
import { startCoordination } from "./coordination/state.ts";
import { Signpost } from "./signpost.ts";

function setUp() {
  const { clock, until } = virtualSetting();
  const fresh = startCoordination({
    devices: ["camera"],
    source: "camera",
    sink: "anywhere",
    first: { plan: 1, shape: shapeOf(["camera"]), cause: "test" },
    limits: { silentTicks: 5, heartbeatSeconds: 1, joinSeconds: 1 },
  });
  const now = { state: { ...fresh, started: true }, addresses: [] as readonly string[] };
  const signpost = new Signpost({
    clock,
    state: () => now.state,
    addresses: () => now.addresses,
  });
  return { now, signpost, until };
}

test("shows the way to a source that it cannot see any more: that may serve on", async () => {
  const { now, signpost } = setUp();
  now.addresses = ["camera:1"];
  signpost.wake();
  now.addresses = [];
  expect(await signpost.addresses()).toEqual(["camera:1"]);
  now.addresses = ["camera:2"];
  now.state = { ...now.state, suspended: true };
  expect(await signpost.addresses()).toEqual(["camera:2"]);
});

test("knows no way to a source that was never here, and says so after a while if nothing serves", async () => {
  const { now, signpost, until } = setUp();
  expect(await signpost.addresses()).toEqual([]);
  now.state = { ...now.state, started: false };
  const refusal = signpost.addresses().catch((error: unknown) => error);
  expect(await until(refusal)).toMatchObject({ code: "DEVICE_LOST" });
});
