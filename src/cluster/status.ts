/**
 * How a cluster stands and what happens in it, as documents for whoever watches: a table in a
 * terminal, a dashboard, a log.
 *
 * @module
 */
import type { WireError } from "./wire-error.ts";

/** `waiting`: for devices or for a plan that fits; `suspended`: without its source or sink. */
export type ClusterPhase = "waiting" | "serving" | "suspended" | "ended";

export interface DeviceStatusReport {
  readonly device: string;
  /** `away` until it joins and after it was lost. */
  readonly state: "away" | "idle" | "preparing" | "running";
  readonly role: "source" | "sink" | "source and sink" | "relay" | null;
  /** Why it is away, or why the plan does not use it. */
  readonly why: string | null;
  readonly addresses: readonly string[];
  readonly runtime: string | null;
  readonly cores: number | null;
  readonly memoryBytes: number | null;
  readonly benchmarkSeconds: number | null;
  /** As the topology says. */
  readonly statedSpeed: number;
  /** By the standard benchmark, relative to where its kind was profiled; `null`: not known. */
  readonly measuredSpeed: number | null;
  /** Since it was heard last; `null`: never. */
  readonly silentSeconds: number | null;
  readonly requests: number;
  readonly peakRequests: number;
  readonly heldBytes: number;
}

/** Predicted beside measured; `null`: not known yet. */
export interface StageStatus {
  readonly stage: string;
  /** Several that run it together one behind the other: `left, right`; figures are of the slowest. */
  readonly device: string;
  /** How many it runs. */
  readonly nodes: number;
  /** Of one request. */
  readonly predictedSeconds: number;
  readonly measuredSeconds: number | null;
}

/** What a plan sends over a link for each request. */
export interface HopStatus {
  readonly from: string;
  readonly to: string;
  readonly tensors: number;
  /** On the wire, rounded: what a codec is expected to make of a tensor is no whole number. */
  readonly bytes: number;
  readonly predictedSeconds: number;
}

export interface LinkStatus {
  readonly from: string;
  readonly to: string;
  /** `down` while no channel stands. */
  readonly state: "up" | "down";
  /** Through the coordinator, since neither side can dial the other. */
  readonly tunnelled: boolean;
  readonly statedLatencySeconds: number;
  readonly statedBitsPerSecond: number;
  readonly measuredBitsPerSecond: number | null;
}

export interface RequestStatus {
  readonly answered: number;
  readonly failed: number;
  /** Sent through a later generation after a loss. */
  readonly replayed: number;
  readonly inFlight: number;
  readonly waiting: number;
  /** Over the last heartbeats; `null`: nothing was answered. */
  readonly latencySeconds: number | null;
  readonly perSecond: number | null;
  /** How many went as one, in the mean. */
  readonly requestsPerPass: number | null;
}

export interface GenerationStatus {
  readonly generation: number;
  readonly planner: string;
  readonly state: "preparing" | "deploying" | "serving" | "draining" | "standby";
  /** Why it was made: the first, a loss, a drift, a device that came. */
  readonly cause: string;
  readonly predictedLatencySeconds: number;
  readonly predictedPeriodSeconds: number;
  /** What the plan makes small, as `partita plan --objective` reads it. */
  readonly objective: string;
  /** How many requests go as one at most, to which all predictions are; `null`: each goes alone. */
  readonly batch: { readonly most: number; readonly waitSeconds: number } | null;
  readonly stages: readonly StageStatus[];
  readonly hops: readonly HopStatus[];
}

export interface ClusterStatus {
  readonly format: "partita.status/1";
  readonly model: string;
  readonly phase: ClusterPhase;
  readonly why: string | null;
  readonly upSeconds: number;
  /** The coordinator's calendar, in seconds since 1970; `null`: it was told none. */
  readonly calendarSeconds: number | null;
  readonly emulated: boolean;
  readonly heartbeatSeconds: number;
  readonly missedHeartbeats: number;
  readonly serving: number | null;
  readonly generations: readonly GenerationStatus[];
  readonly devices: readonly DeviceStatusReport[];
  readonly links: readonly LinkStatus[];
  readonly requests: RequestStatus;
  /** Losses, cut links, failovers and switches so far. */
  readonly faults: number;
  readonly failovers: number;
  readonly switches: number;
  /** Devices and links whose loss a prepared plan covers. */
  readonly fallbacks: readonly string[];
}

/** What happens, each with the moment on the coordinator's clock, in seconds since it started. */
export type ClusterEvent = { readonly atSeconds: number } & (
  | { readonly type: "joined"; readonly device: string; readonly address: string }
  | { readonly type: "left"; readonly device: string; readonly why: string }
  | { readonly type: "linkDown" | "linkUp"; readonly from: string; readonly to: string }
  | { readonly type: "sending"; readonly device: string; readonly bytes: number }
  | {
      readonly type: "preparing" | "serving" | "drained" | "retired";
      readonly generation: number;
      readonly cause: string;
    }
  | { readonly type: "suspended"; readonly error: WireError }
  | { readonly type: "noPlan"; readonly why: string }
  | { readonly type: "unsaved"; readonly error: WireError }
  | {
      readonly type: "drift";
      readonly what: string;
      readonly gain: number;
      readonly taken: boolean;
    }
  | { readonly type: "ended"; readonly error: WireError | null }
);
