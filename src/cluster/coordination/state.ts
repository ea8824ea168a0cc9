/**
 * What a coordinator knows: devices, links that are down, and generations on their way from a plan to
 * serving and back to nothing. Plain data; plans are numbers here, their shapes all that matters.
 *
 * @module
 */
import type { WireError } from "../wire-error.ts";

/** Two devices, in the order of their names. */
export interface Pair {
  readonly a: string;
  readonly b: string;
}

/** What a plan needs: devices, and pairs of them that must reach each other. */
export interface Shape {
  readonly devices: readonly string[];
  readonly pairs: readonly Pair[];
}

/** What there is to plan with: the topology without these devices and links. */
export interface World {
  readonly without: readonly string[];
  readonly cut: readonly Pair[];
}

/** A plan that could run. */
export interface Candidate {
  readonly plan: number;
  readonly shape: Shape;
  readonly cause: string;
  /** Whether it is to answer what the one that serves until then has not; left out: no. */
  readonly replay?: boolean;
}

export interface DeviceState {
  readonly joined: boolean;
  /** Of its process, when it joined last. */
  readonly incarnation: string | null;
  /** Heartbeat intervals, as the coordinator counts them, since it was heard last. */
  readonly silentTicks: number;
  /** Why it is away; `null`: it is here, or was never here. */
  readonly why: string | null;
  /** Why it cannot be used although it is here: it could not do what it was told. */
  readonly refused: Refusal | null;
}

/** What a device could not do. */
export interface Refusal {
  readonly why: string;
  /** Whether parts of other models were in the way: these may move. */
  readonly isCrowded: boolean;
}

/** How far a device is with a generation. */
export type Step = "none" | "offered" | "loaded" | "deploying" | "deployed";

/**
 * `candidate`: to serve next; `standby`: on the source alone, for the time when everybody is gone;
 * `recovered`: known from before the coordinator started.
 */
export type Role = "candidate" | "serving" | "draining" | "standby" | "recovered";

export interface GenerationState extends Candidate {
  readonly generation: number;
  readonly role: Role;
  /** Made beside one that serves on: its start replays nothing. */
  readonly live: boolean;
  /** Whether it stands in the journal; it is not deployed before. */
  readonly saved: "no" | "asked" | "yes";
  /** Whether the gateway has been told to serve it. */
  readonly told: boolean;
  readonly steps: Readonly<Record<string, Step>>;
}

/** The answer of a planner. */
export interface Planned {
  readonly world: World;
  readonly plan: number | null;
  readonly shape: Shape | null;
  /** Why there is none. */
  readonly why: string | null;
}

export interface Fallback {
  readonly world: World;
  readonly plan: number;
  readonly shape: Shape;
}

export interface CoordinationLimits {
  readonly silentTicks: number;
  /** For messages only. */
  readonly heartbeatSeconds: number;
  /** For messages only. */
  readonly joinSeconds: number;
}

export interface Retirement {
  readonly device: string;
  readonly generation: number;
}

export interface CoordinationState {
  readonly limits: CoordinationLimits;
  readonly source: string;
  /** Where the answer is wanted; `anywhere`. */
  readonly sink: string;
  /** All that may join, in the order of the topology. */
  readonly devices: Readonly<Record<string, DeviceState>>;
  /** Links that are down. */
  readonly cuts: readonly Pair[];
  /** Said to be down, but one side has been silent: whether it is the link or the device is not known. */
  readonly suspects: readonly Pair[];
  /** In the order of their numbers. */
  readonly generations: readonly GenerationState[];
  readonly lastGeneration: number;
  /** Devices have been told to drop everything below. */
  readonly fencedBelow: number;
  /** Still to be told. */
  readonly retirements: readonly Retirement[];
  /** Channels still to be closed: their devices were silent for too long. */
  readonly dismissals: readonly string[];
  /** What served last, or is to be the first. */
  readonly preferred: Candidate;
  /** To be gone over to while what serves serves on. */
  readonly wish: Candidate | null;
  /** Asked for, not answered. */
  readonly planning: World | null;
  /** Whether other models have moved since: that there is no plan is no answer then. */
  readonly isPlanningLate: boolean;
  readonly planned: Planned | null;
  readonly fallbacks: readonly Fallback[];
  /** Plans that the source could not run its share of, while there was this to plan with. */
  readonly refused: {
    readonly world: World;
    readonly plans: readonly number[];
    /** As it said last. */
    readonly why: string;
  } | null;
  /** What the fallbacks are for: computed once for each. */
  readonly fallbackBase: { readonly generation: number; readonly world: World } | null;
  /** Everything on the source alone, if that is allowed. */
  readonly standbyPlan: { readonly plan: number; readonly shape: Shape } | null;
  /** Something has served. */
  readonly started: boolean;
  /** After a start with a journal: devices are waited for that run what it says. */
  readonly recovering: boolean;
  /** The gateway was told that nothing can be answered. */
  readonly suspended: boolean;
  /**
   * Heartbeat intervals until a sink that is away is taken for lost: when the source has just joined
   * again it may be the coordinator that was away, and the sink is still on its way back, too.
   */
  readonly graceTicks: number;
  /** Requests of generations that are gone are to be sent through the one that serves. */
  readonly rescue: boolean;
  readonly ended: boolean;
  /** Why it ended; `null` while it has not, and after an orderly close. */
  readonly failure: WireError | null;
  readonly announced: boolean;
  readonly faults: number;
  readonly failovers: number;
  readonly switches: number;
}

export type CoordinationEvent =
  | {
      readonly type: "joined";
      readonly device: string;
      readonly incarnation: string;
      readonly generations: readonly number[];
      readonly serving: number | null;
      /** What has a lower number is over there. */
      readonly fencedBelow: number;
    }
  | { readonly type: "loaded" | "deployed"; readonly device: string; readonly generation: number }
  | { readonly type: "heard"; readonly device: string }
  /** Its control channel has ended. */
  | { readonly type: "left"; readonly device: string; readonly why: string }
  /** It could not do what it was told for a generation; `null`: for none in particular. */
  | {
      readonly type: "failed";
      readonly device: string;
      readonly generation: number | null;
      readonly error: WireError;
    }
  /** A device has lost its data channel to another, or has it again. */
  | { readonly type: "lost" | "reached"; readonly device: string; readonly peer: string }
  /** What the gateway says. */
  | { readonly type: "serving" | "drained"; readonly generation: number }
  /** One heartbeat interval is over; `late`: the coordinator itself was away for longer. */
  | { readonly type: "tick"; readonly late: boolean }
  | { readonly type: "saved"; readonly generation: number }
  | ({ readonly type: "planned" } & Planned)
  | { readonly type: "fallback"; readonly generation: number; readonly fallback: Fallback }
  | {
      readonly type: "standbyPlanned";
      readonly generation: number;
      readonly plan: number;
      readonly shape: Shape;
    }
  | ({ readonly type: "adopt" } & Candidate)
  /** Other models take more of the devices, or less, than was planned with. */
  | { readonly type: "othersMoved" }
  /** The time to join, or to come back, is over. */
  | { readonly type: "joinDeadline" | "recoverDeadline" }
  | { readonly type: "closed" }
  /** An action has been started. */
  | { readonly type: "performed"; readonly action: Action };

export type Action =
  /** Ask a planner. */
  | { readonly type: "plan"; readonly world: World }
  /** Offer a device its parts. */
  | { readonly type: "offer"; readonly device: string; readonly generation: number }
  /** Write the journal; `saved` follows. */
  | { readonly type: "save"; readonly generation: number }
  /** Tell a device what to do and whom to reach. */
  | {
      readonly type: "deploy";
      readonly device: string;
      readonly generation: number;
      readonly fences: boolean;
      readonly standby: boolean;
    }
  /** Tell the gateway where requests go. */
  | { readonly type: "serve"; readonly generation: number; readonly replay: boolean }
  /** Tell the gateway that nothing can be answered. */
  | { readonly type: "suspend"; readonly error: WireError }
  | { readonly type: "retire"; readonly device: string; readonly generation: number }
  /** Close the channel of a device that was silent for too long. */
  | { readonly type: "dismiss"; readonly device: string }
  /** Plan for losses, while nothing else is to be done. */
  | {
      readonly type: "computeFallbacks";
      readonly generation: number;
      readonly world: World;
      readonly shape: Shape;
    }
  /** Reject all requests and shut every agent down. */
  | { readonly type: "shutDown"; readonly failure: WireError | null };

/**
 * @param devices all that may join
 * @param first what is to run first
 */
export function startCoordination(options: {
  readonly devices: readonly string[];
  readonly source: string;
  readonly sink: string;
  readonly first: Candidate;
  readonly limits: CoordinationLimits;
}): CoordinationState {
  const { devices, source, sink, first, limits } = options;
  const absent = { joined: false, incarnation: null, silentTicks: 0, why: null, refused: null };
  return {
    limits,
    source,
    sink,
    devices: Object.fromEntries(devices.map((name) => [name, absent])),
    cuts: [],
    suspects: [],
    generations: [],
    lastGeneration: 0,
    fencedBelow: 0,
    retirements: [],
    dismissals: [],
    preferred: first,
    wish: null,
    planning: null,
    isPlanningLate: false,
    planned: null,
    fallbacks: [],
    refused: null,
    fallbackBase: null,
    standbyPlan: null,
    started: false,
    recovering: false,
    suspended: false,
    graceTicks: 0,
    rescue: false,
    ended: false,
    failure: null,
    announced: false,
    faults: 0,
    failovers: 0,
    switches: 0,
  };
}

export function pairOf(one: string, other: string): Pair {
  return one < other ? { a: one, b: other } : { a: other, b: one };
}

export function isSamePair(one: Pair, other: Pair): boolean {
  return one.a === other.a && one.b === other.b;
}

export function hasPair(pairs: readonly Pair[], wanted: Pair): boolean {
  return pairs.some((pair) => isSamePair(pair, wanted));
}
