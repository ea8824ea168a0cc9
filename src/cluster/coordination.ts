/**
 * What a coordinator knows and what follows from it, without any effect: `reduce` takes in what has
 * happened, `decide` says what is to be done.
 *
 * @module
 */
import type { WireError } from "./message.ts";

/**
 * How far a device is: `expected` until it joins, `joined`, `loading` its parts, `loaded`,
 * `connecting` to its neighbours, `deployed`.
 */
export type DeviceStatus = "expected" | "joined" | "loading" | "loaded" | "connecting" | "deployed";

export interface DeviceState {
  /** Whether the plan uses it; the others may join and idle. */
  readonly needed: boolean;
  readonly status: DeviceStatus;
  /** Heartbeat intervals, as the coordinator counts them, since it was heard last. */
  readonly silentTicks: number;
}

export interface CoordinationState {
  /** `running`: every needed device is deployed. `ended` is final. */
  readonly phase: "gathering" | "running" | "ended";
  readonly devices: Readonly<Record<string, DeviceState>>;
  /** Why it ended; `null` while it has not, and after an orderly close. */
  readonly failure: WireError | null;
  readonly announced: boolean;
  readonly limits: CoordinationLimits;
}

export interface CoordinationLimits {
  readonly silentTicks: number;
  /** For messages only. */
  readonly heartbeatSeconds: number;
  /** For messages only. */
  readonly joinSeconds: number;
}

export type CoordinationEvent =
  | { readonly type: "joined"; readonly device: string }
  | { readonly type: "loaded"; readonly device: string }
  | { readonly type: "deployed"; readonly device: string }
  | { readonly type: "heard"; readonly device: string }
  /** Its control channel has ended. */
  | { readonly type: "left"; readonly device: string; readonly why: string }
  /** It could not do what it was told. */
  | { readonly type: "failed"; readonly device: string; readonly error: WireError }
  /** A neighbour has lost its data channel to it. */
  | {
      readonly type: "unreachable";
      readonly device: string;
      readonly from: string;
      readonly why: string;
    }
  /** One heartbeat interval is over. */
  | { readonly type: "tick" }
  /** The time to join is over. */
  | { readonly type: "joinDeadline" }
  | { readonly type: "closed" }
  /** An action has been started. */
  | { readonly type: "performed"; readonly action: Action };

export type Action =
  /** Offer a device its parts. */
  | { readonly type: "offer"; readonly device: string }
  /** Tell a device what to do and whom to dial. */
  | { readonly type: "deploy"; readonly device: string }
  /** Let requests in. */
  | { readonly type: "serve" }
  /** Reject all requests and shut every agent down. */
  | { readonly type: "shutDown"; readonly failure: WireError | null };

/** @param devices all of the topology, and whether the plan needs them */
export function startCoordination(
  devices: Readonly<Record<string, boolean>>,
  limits: CoordinationLimits,
): CoordinationState {
  return {
    phase: "gathering",
    devices: Object.fromEntries(
      Object.entries(devices).map(([name, needed]) => [
        name,
        { needed, status: "expected", silentTicks: 0 },
      ]),
    ),
    failure: null,
    announced: false,
    limits,
  };
}

/** The state after an event. Pure; O(devices). */
export function reduce(state: CoordinationState, event: CoordinationEvent): CoordinationState {
  if (event.type === "performed") return perform(state, event.action);
  if (state.phase === "ended") return state;
  switch (event.type) {
    case "joined":
    case "loaded":
    case "deployed":
      return withDevice(state, event.device, { status: event.type, silentTicks: 0 });
    case "heard":
      return withDevice(state, event.device, { silentTicks: 0 });
    case "left":
      return lose(state, event.device, event.why);
    case "unreachable":
      return lose(state, event.device, `device '${event.from}' lost it (${event.why})`);
    case "failed":
      return { ...state, phase: "ended", failure: event.error };
    case "tick":
      return tick(state);
    case "joinDeadline":
      return missJoin(state);
    case "closed":
      return { ...state, phase: "ended" };
  }
}

/** What is to be done now; each action is to be answered with `performed`. Pure; O(devices). */
export function decide(state: CoordinationState): Action[] {
  if (state.phase === "ended") {
    return state.announced ? [] : [{ type: "shutDown", failure: state.failure }];
  }
  const needed = Object.entries(state.devices).filter(([, device]) => device.needed);
  if (needed.every(([, { status }]) => status === "deployed")) {
    return state.phase === "running" ? [] : [{ type: "serve" }];
  }
  if (needed.every(([, { status }]) => isLoaded(status))) {
    // Addresses are known only when all are here, and nobody dials one that has no parts yet.
    return needed
      .filter(([, { status }]) => status === "loaded")
      .map(([device]) => ({ type: "deploy", device }));
  }
  return needed
    .filter(([, { status }]) => status === "joined")
    .map(([device]) => ({ type: "offer", device }));
}

function isLoaded(status: DeviceStatus): boolean {
  return status === "loaded" || status === "connecting" || status === "deployed";
}

function perform(state: CoordinationState, action: Action): CoordinationState {
  switch (action.type) {
    case "offer":
      return withDevice(state, action.device, { status: "loading" });
    case "deploy":
      return withDevice(state, action.device, { status: "connecting" });
    case "serve":
      return { ...state, phase: "running" };
    case "shutDown":
      return { ...state, announced: true };
  }
}

function withDevice(
  state: CoordinationState,
  name: string,
  change: Partial<DeviceState>,
): CoordinationState {
  const device = state.devices[name];
  if (device === undefined) return state;
  return { ...state, devices: { ...state.devices, [name]: { ...device, ...change } } };
}

function lose(state: CoordinationState, name: string, why: string): CoordinationState {
  if (state.devices[name]?.needed !== true) {
    return withDevice(state, name, { status: "expected", silentTicks: 0 });
  }
  const message = `device '${name}' is lost: ${why}; the plan needs it, start everything again`;
  const failure: WireError = { code: "DEVICE_LOST", message, details: { device: name, why } };
  return { ...state, phase: "ended", failure };
}

/**
 * Silence is counted in the coordinator's own intervals, not on its clock: one that was held up
 * itself for a while blames nobody.
 */
function tick(state: CoordinationState): CoordinationState {
  const { silentTicks: limit, heartbeatSeconds } = state.limits;
  const devices = Object.fromEntries(
    Object.entries(state.devices).map(([name, device]) => [
      name,
      device.status === "expected" ? device : { ...device, silentTicks: device.silentTicks + 1 },
    ]),
  );
  const silent = Object.entries(devices).find(([, { silentTicks }]) => silentTicks > limit);
  const counted = { ...state, devices };
  if (silent === undefined) return counted;
  const [name, { silentTicks }] = silent;
  const [waited, allowed] = [silentTicks, limit].map((ticks) =>
    (ticks * heartbeatSeconds).toFixed(1),
  );
  return lose(counted, name, `it sent no heartbeat for ${waited} s (limit ${allowed} s)`);
}

function missJoin(state: CoordinationState): CoordinationState {
  const needed = Object.entries(state.devices).filter(([, device]) => device.needed);
  const missing = needed.filter(([, { status }]) => status === "expected").map(([name]) => name);
  if (missing.length === 0) return state;
  const names = missing.map((name) => `'${name}'`).join(", ");
  const message = `${needed.length - missing.length} of ${needed.length} devices joined within ${state.limits.joinSeconds} s; missing: ${names}; start an agent on each (partita agent --join ADDRESS --token TOKEN --name NAME)`;
  return {
    ...state,
    phase: "ended",
    failure: { code: "DEVICE_LOST", message, details: { missing } },
  };
}
