import { change, withDevice, withStep } from "./change.ts";
import { perform } from "./perform.ts";
import { fail, judged } from "./refusal.ts";
import { drop, settle } from "./settle.ts";
import {
  type CoordinationEvent,
  type CoordinationState,
  hasPair,
  isSamePair,
  type Pair,
  pairOf,
} from "./state.ts";
import { inRole, isAlive, isSameWorld, servingOf } from "./world.ts";

/** The state after an event. Pure; O(generations · devices). */
export function reduce(state: CoordinationState, event: CoordinationEvent): CoordinationState {
  if (event.type === "performed") return settle(perform(state, event.action));
  return state.ended ? state : settle(take(state, event));
}

function take(
  state: CoordinationState,
  event: Exclude<CoordinationEvent, { type: "performed" }>,
): CoordinationState {
  switch (event.type) {
    case "joined":
      return join(state, event);
    case "left":
      return leave(state, event.device, event.why);
    case "heard":
      return hear(state, event.device);
    case "tick":
      return tick(state, event.late);
    case "lost":
      return lose(state, event.device, event.peer);
    case "reached":
      return withoutPairs(state, (pair) => isSamePair(pair, pairOf(event.device, event.peer)));
    case "loaded":
    case "deployed":
      return step(state, event.device, event.generation, event.type);
    case "failed":
      return fail(state, event);
    case "serving":
      return serve(state, event.generation);
    case "drained":
      return drain(state, event.generation);
    case "closed":
      return { ...state, ended: true };
    case "joinDeadline":
      return missJoin(state);
    case "recoverDeadline":
      return { ...state, recovering: false };
    default:
      return takeWork(state, event);
  }
}

/** What planners, the journal and control have done. */
function takeWork(
  state: CoordinationState,
  event: Extract<
    CoordinationEvent,
    { type: "saved" | "planned" | "fallback" | "standbyPlanned" | "adopt" | "othersMoved" }
  >,
): CoordinationState {
  switch (event.type) {
    case "saved":
      return change(state, event.generation, { saved: "yes" });
    case "planned": {
      const { world, plan, shape, why } = event;
      // What was asked before that is of no use any more.
      if (state.planning === null || !isSameWorld(state.planning, world)) return state;
      const answer = judged(state, { world, plan, shape, why });
      const isLate = state.isPlanningLate && answer.plan === null;
      return { ...state, planning: null, planned: isLate ? null : answer };
    }
    case "fallback":
      if (state.fallbackBase?.generation !== event.generation) return state;
      return { ...state, fallbacks: [...state.fallbacks, event.fallback] };
    case "standbyPlanned":
      if (state.standbyPlan !== null) return state;
      return { ...state, standbyPlan: { plan: event.plan, shape: event.shape } };
    case "adopt": {
      const { plan, shape, cause, replay = false } = event;
      return { ...state, wish: { plan, shape, cause, replay } };
    }
    case "othersMoved":
      return withOthersMoved(state);
  }
}

/** What found no place, or no room there, may find it now, and what was planned for a loss none. */
function withOthersMoved(state: CoordinationState): CoordinationState {
  const crowded = Object.keys(state.devices).filter(
    (name) => state.devices[name]?.refused?.isCrowded === true,
  );
  const uncrowded = crowded.reduce<CoordinationState>(
    (after, name) => withDevice(after, name, { refused: null }),
    state,
  );
  return {
    ...uncrowded,
    refused: null,
    isPlanningLate: true,
    planned: null,
    fallbacks: [],
    fallbackBase: null,
  };
}

function join(
  before: CoordinationState,
  event: Extract<CoordinationEvent, { type: "joined" }>,
): CoordinationState {
  const { device, incarnation, generations } = event;
  const known = before.devices[device];
  if (known === undefined) return before;
  const state = renumber(before, event);
  const isNew = known.incarnation !== incarnation;
  const joined = { joined: true, incarnation, silentTicks: 0, why: null, refused: null };
  const strangers = generations.filter(
    (generation) => !state.generations.some((other) => other.generation === generation),
  );
  let next: CoordinationState = {
    ...withDevice(state, device, joined),
    generations: state.generations.map((generation) =>
      Object.hasOwn(generation.steps, device)
        ? withStep(
            generation,
            device,
            generations.includes(generation.generation) ? "deployed" : "none",
          )
        : generation,
    ),
    retirements: [
      ...state.retirements.filter((other) => other.device !== device),
      ...strangers.map((generation) => ({ device, generation })),
    ],
  };
  if (isNew) next = withoutPairs(next, ({ a, b }) => a === device || b === device);
  if (device === state.source) next = meetGateway(next, event, isNew);
  return next.recovering && isRecovered(next) ? { ...next, recovering: false } : next;
}

/** Whether everybody is back who runs what serves, and what drains. */
function isRecovered(state: CoordinationState): boolean {
  const draining = state.generations.filter(({ role }) => role === "draining");
  return servingOf(state) !== undefined && draining.every((old) => isAlive(state, old));
}

/**
 * A device may know of generations that this coordinator does not, if there was another before it
 * whose journal it lacks. Numbers go on behind theirs.
 */
function renumber(
  state: CoordinationState,
  { device, generations, serving, fencedBelow }: Extract<CoordinationEvent, { type: "joined" }>,
): CoordinationState {
  const held = [...generations, serving ?? 0];
  const known = new Set(state.generations.map(({ generation }) => generation));
  // What goes into one with a lower number than one of another coordinator would be taken as late.
  const foreign = Math.max(0, ...held.filter((generation) => !known.has(generation)));
  const lastGeneration = Math.max(state.lastGeneration, fencedBelow - 1, ...held);
  const taken = state.generations.filter(({ generation, role, saved, steps }) => {
    const isOver = generation < fencedBelow && Object.hasOwn(steps, device);
    const isOnTheWay = role === "candidate" || role === "standby";
    const isTaken = saved !== "yes" && held.includes(generation);
    return isOnTheWay && (isOver || isTaken || generation < foreign);
  });
  return taken.reduce((after, { generation }) => drop(after, generation), {
    ...state,
    lastGeneration,
  });
}

/**
 * What the gateway serves is what is served, whatever was known before. That an old generation has
 * drained it says again; one that it does not hold any more is over.
 */
function meetGateway(
  state: CoordinationState,
  { generations: held, serving }: Extract<CoordinationEvent, { type: "joined" }>,
  isNew: boolean,
): CoordinationState {
  const forgotten = {
    ...state,
    // It may not have heard that.
    suspended: false,
    graceTicks: state.started ? state.limits.silentTicks : 0,
    refused: isNew ? null : state.refused,
    generations: state.generations.map((generation) => ({ ...generation, told: false })),
  };
  const over = forgotten.generations.filter(
    ({ role, generation }) => role === "recovered" && !held.includes(generation),
  );
  const left = over.reduce<CoordinationState>(
    (after, { generation }) => drop(after, generation),
    forgotten,
  );
  return serving === null ? left : serve(left, serving);
}

function leave(state: CoordinationState, device: string, why: string): CoordinationState {
  if (state.devices[device]?.joined !== true) return state;
  const gone = {
    ...withDevice(state, device, { joined: false, why, silentTicks: 0 }),
    retirements: state.retirements.filter((other) => other.device !== device),
    faults: state.faults + (state.started ? 1 : 0),
  };
  const candidate = inRole(gone, "candidate");
  if (candidate === undefined || gone.started || !Object.hasOwn(candidate.steps, device))
    return gone;
  // Others have been told where it was: they are to be told anew.
  const isTold = Object.values(candidate.steps).some(
    (one) => one === "deploying" || one === "deployed",
  );
  if (isTold) return drop(gone, candidate.generation);
  return change(gone, candidate.generation, withStep(candidate, device, "none"));
}

function hear(state: CoordinationState, device: string): CoordinationState {
  const next = withDevice(state, device, { silentTicks: 0 });
  const cleared = next.suspects.filter(({ a, b }) => !isSilent(next, a) && !isSilent(next, b));
  return cleared.reduce((after, { a, b }) => lose(after, a, b), next);
}

/** A device that has been silent for a while may be what is lost, and not the link to it. */
function isSilent(state: CoordinationState, device: string): boolean {
  return (state.devices[device]?.silentTicks ?? 0) >= 2;
}

function lose(state: CoordinationState, device: string, peer: string): CoordinationState {
  const pair = pairOf(device, peer);
  if (hasPair(state.cuts, pair)) return state;
  const others = state.suspects.filter((other) => !isSamePair(other, pair));
  if (isSilent(state, device) || isSilent(state, peer)) {
    return { ...state, suspects: [...others, pair] };
  }
  return { ...state, suspects: others, cuts: [...state.cuts, pair], faults: state.faults + 1 };
}

/**
 * Silence is counted in the coordinator's own intervals, not on its clock, and forgotten when the
 * coordinator itself was held up: it blames nobody for that.
 */
function tick(state: CoordinationState, late: boolean): CoordinationState {
  const { silentTicks: limit, heartbeatSeconds } = state.limits;
  const devices = Object.entries(state.devices).map(([name, device]) => {
    const silentTicks = device.joined && !late ? device.silentTicks + 1 : 0;
    return [name, { ...device, silentTicks }] as const;
  });
  const graceTicks = Math.max(0, state.graceTicks - 1);
  const counted = { ...state, graceTicks, devices: Object.fromEntries(devices) };
  return devices
    .filter(([, { silentTicks }]) => silentTicks > limit)
    .reduce<CoordinationState>((after, [name, { silentTicks }]) => {
      const [waited, allowed] = [silentTicks, limit].map((ticks) =>
        (ticks * heartbeatSeconds).toFixed(1),
      );
      const why = `it sent no heartbeat for ${waited} s (limit ${allowed} s)`;
      return { ...leave(after, name, why), dismissals: [...after.dismissals, name] };
    }, counted);
}

function step(
  state: CoordinationState,
  device: string,
  generation: number,
  reached: "loaded" | "deployed",
): CoordinationState {
  const found = state.generations.find((other) => other.generation === generation);
  const from = reached === "loaded" ? "offered" : "deploying";
  if (found === undefined || found.steps[device] !== from) return state;
  return change(state, generation, withStep(found, device, reached));
}

/** The gateway has gone over to a generation: to the one it was told, or by itself to the standby. */
function serve(state: CoordinationState, generation: number): CoordinationState {
  const found = state.generations.find((other) => other.generation === generation);
  if (found === undefined) return state;
  if (found.role === "serving") return change(state, generation, { told: true });
  const isSwitch = found.role === "candidate" && found.live;
  const isRecovery = found.role === "recovered";
  const older = state.generations.filter(
    (other) => other.generation < generation && other.role !== "standby",
  );
  let next = change(state, generation, { role: "serving", told: true });
  for (const old of older) {
    const wasServed = old.role === "serving" || old.role === "draining";
    const isKept = isSwitch ? wasServed : isRecovery && old.role === "recovered";
    next = isKept ? change(next, old.generation, { role: "draining" }) : drop(next, old.generation);
  }
  const isFirst = !state.started;
  const isFailover = found.role === "candidate" && !found.live && !isFirst;
  const isAlone = found.role === "standby";
  return {
    ...next,
    started: true,
    suspended: false,
    fencedBelow: isAlone ? Math.max(next.fencedBelow, generation) : next.fencedBelow,
    wish: isSwitch && next.wish?.plan === found.plan ? null : next.wish,
    // From the standby the way leads back to what served before, as soon as that is there again.
    preferred: isAlone
      ? next.preferred
      : { plan: found.plan, shape: found.shape, cause: found.cause },
    failovers: next.failovers + (isFailover || isAlone ? 1 : 0),
    switches: next.switches + (isSwitch ? 1 : 0),
  };
}

function drain(state: CoordinationState, generation: number): CoordinationState {
  const found = state.generations.find((other) => other.generation === generation);
  return found?.role === "draining" ? drop(state, generation) : state;
}

function missJoin(state: CoordinationState): CoordinationState {
  if (state.started) return state;
  const { devices: needed } = state.preferred.shape;
  const missing = needed.filter((name) => state.devices[name]?.joined !== true);
  if (missing.length === 0) return state;
  const names = missing.map((name) => `'${name}'`).join(", ");
  const message = `${needed.length - missing.length} of ${needed.length} devices joined within ${state.limits.joinSeconds} s; missing: ${names}; start an agent on each (partita agent --join ADDRESS --token TOKEN --name NAME)`;
  return {
    ...state,
    ended: true,
    failure: { code: "DEVICE_LOST", message, details: { missing } },
  };
}

function withoutPairs(
  state: CoordinationState,
  isOver: (pair: Pair) => boolean,
): CoordinationState {
  return {
    ...state,
    cuts: state.cuts.filter((pair) => !isOver(pair)),
    suspects: state.suspects.filter((pair) => !isOver(pair)),
  };
}
