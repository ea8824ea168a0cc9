import { setImmediate as settle } from "node:timers/promises";
import { expect, test } from "vitest";
import { seconds } from "../base/units.ts";
import { createVirtualClock } from "../base/virtual-clock.ts";
import { Standby } from "./standby.ts";

function setUp() {
  const clock = createVirtualClock({ settle: () => settle() });
  const activated: number[] = [];
  const standby = new Standby({
    clock,
    orphanSeconds: 1,
    needs: (device) => device === "cloud",
    activate: (generation) => activated.push(generation),
  });
  standby.arm(7);
  return { clock, standby, activated };
}

test("takes over when a device that is needed is lost and the coordinator is away for a second", async () => {
  const { clock, standby, activated } = setUp();
  standby.lost("cloud");
  void standby.orphaned();
  await clock.advance(seconds(0.9));
  expect(activated).toEqual([]);
  await clock.advance(seconds(0.2));
  expect(activated).toEqual([7]);
});

test("takes over whichever of the two happens first, and once", async () => {
  const { clock, standby, activated } = setUp();
  void standby.orphaned();
  await clock.advance(seconds(2));
  expect(activated).toEqual([]);
  standby.lost("cloud");
  standby.lost("cloud");
  expect(activated).toEqual([7]);
});

test("stays where it is while the coordinator is there, came back, or nothing needed is lost", async () => {
  const { clock, standby, activated } = setUp();
  standby.lost("cloud");
  await clock.advance(seconds(5));
  void standby.orphaned();
  await clock.advance(seconds(0.5));
  standby.found();
  await clock.advance(seconds(5));
  standby.reached("cloud");
  standby.lost("tablet");
  void standby.orphaned();
  await clock.advance(seconds(5));
  expect(activated).toEqual([]);
});
