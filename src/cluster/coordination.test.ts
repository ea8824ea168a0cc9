import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type Action,
  type CoordinationEvent,
  type CoordinationState,
  decide,
  reduce,
  startCoordination,
} from "./coordination.ts";

const limits = { silentTicks: 2, heartbeatSeconds: 0.5, joinSeconds: 30 };
const fleet = { camera: true, cloud: true, spare: false };

/** Applies events as a coordinator does, and notes what it was told to do. */
function play(events: readonly CoordinationEvent[]) {
  let state = startCoordination(fleet, limits);
  const actions: Action[] = [];
  const act = () => {
    for (const action of decide(state)) {
      actions.push(action);
      state = reduce(state, { type: "performed", action });
    }
  };
  act();
  for (const event of events) {
    state = reduce(state, event);
    act();
  }
  return { state, actions };
}

const on = (type: "joined" | "loaded" | "deployed", ...devices: string[]): CoordinationEvent[] =>
  devices.map((device) => ({ type, device }));

test("offers parts at once, deploys when all are loaded, serves when all are deployed", () => {
  const { state, actions } = play([
    ...on("joined", "camera"),
    ...on("loaded", "camera"),
    ...on("joined", "cloud"),
    ...on("loaded", "cloud"),
    ...on("deployed", "cloud", "camera"),
  ]);
  expect(
    actions.map((action) => ("device" in action ? `${action.type} ${action.device}` : action.type)),
  ).toEqual(["offer camera", "offer cloud", "deploy camera", "deploy cloud", "serve"]);
  expect(state.phase).toBe("running");
});

test("lets a device idle that the plan does not need, and does not miss it", () => {
  const { state, actions } = play([
    ...on("joined", "spare"),
    { type: "left", device: "spare", why: "it left" },
  ]);
  expect([state.phase, actions]).toEqual(["gathering", []]);
});

test("ends with DEVICE_LOST when a neighbour cannot reach a device any more", () => {
  const { state } = play([
    ...on("joined", "camera", "cloud"),
    { type: "unreachable", device: "cloud", from: "camera", why: "connection reset" },
  ]);
  expect(state.failure).toMatchObject({ code: "DEVICE_LOST", details: { device: "cloud" } });
  expect(state.failure?.message).toContain("device 'camera' lost it (connection reset)");
});

test("does not blame devices for silence that a heartbeat ends", () => {
  const tick: CoordinationEvent = { type: "tick" };
  const heard: CoordinationEvent = { type: "heard", device: "camera" };
  const { state } = play([...on("joined", "camera"), tick, tick, heard, tick, tick]);
  expect(state.phase).toBe("gathering");
});

test("names nobody at the end of the time to join when all are there", () => {
  const { state } = play([...on("joined", "camera", "cloud"), { type: "joinDeadline" }]);
  expect(state.phase).toBe("gathering");
});

const device = fc.constantFrom("camera", "cloud", "spare", "stranger");
const anyEvent: fc.Arbitrary<CoordinationEvent> = fc.oneof(
  fc.record({
    type: fc.constantFrom(
      "joined" as const,
      "loaded" as const,
      "deployed" as const,
      "heard" as const,
    ),
    device,
  }),
  fc.record({ type: fc.constant("left" as const), device, why: fc.constant("gone") }),
  fc.constant<CoordinationEvent>({ type: "tick" }),
  fc.constant<CoordinationEvent>({ type: "joinDeadline" }),
  fc.constant<CoordinationEvent>({ type: "closed" }),
);

test("shuts down exactly once, at the end, whatever happens in whatever order", () => {
  fc.assert(
    fc.property(fc.array(anyEvent, { maxLength: 40 }), (events) => {
      const { state, actions } = play(events);
      const ends = actions.filter(({ type }) => type === "shutDown").length;
      expect(ends).toBe(state.phase === "ended" ? 1 : 0);
      if (ends === 1) expect(actions.at(-1)?.type).toBe("shutDown");
    }),
  );
});

test("never deploys anything before every device that the plan needs has its parts", () => {
  fc.assert(
    fc.property(fc.array(anyEvent, { maxLength: 40 }), (events) => {
      let state: CoordinationState = startCoordination(fleet, limits);
      for (const event of events) {
        state = reduce(state, event);
        for (const action of decide(state)) {
          if (action.type === "deploy") {
            const { camera, cloud } = state.devices;
            for (const needed of [camera, cloud]) {
              expect(["loaded", "connecting", "deployed"]).toContain(needed?.status);
            }
          }
          state = reduce(state, { type: "performed", action });
        }
      }
    }),
  );
});
