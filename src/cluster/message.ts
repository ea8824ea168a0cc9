/**
 * What agents, coordinator and clients say to each other, as types. Three kinds of channel:
 *
 * - control, dialled by the agent: `join`, `welcome`, then parts, deployment and heartbeats;
 * - data, dialled by the consumer (an agent dials its producers and the coordinator): `attach`,
 *   `attached`, then tensors one way and, to the coordinator, reports and failures;
 * - client, dialled by a program that asks: `open`, `opened`, then requests and answers.
 *
 * @module
 */
import type { ErrorCode, ErrorDetails } from "../base/errors.ts";
import type { DeclaredTensor } from "../runtime/signature.ts";
import type { DeviceDeployment } from "./deployment.ts";

/** Whoever accepts a channel refuses another version than its own. */
export const protocolVersion = 2;

/** The form in which an error crosses a channel. */
export interface WireError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: ErrorDetails;
}

/** The first message of an agent. */
export interface Join {
  readonly type: "join";
  readonly protocol: number;
  readonly token: string;
  readonly name: string;
  /** With its version. */
  readonly runtime: string;
  readonly cores: number;
  /** What the agent may use; `null`: not limited. */
  readonly memoryBytes: number | null;
  /** Where it accepts data channels. */
  readonly address: string;
}

export interface Welcome {
  readonly type: "welcome";
  /** How often the agent is to send a heartbeat. */
  readonly heartbeatSeconds: number;
}

/** The first message on a data channel. */
export interface Attach {
  readonly type: "attach";
  readonly protocol: number;
  readonly token: string;
  readonly generation: number;
  /** Who dials. */
  readonly device: string;
}

export interface Attached {
  readonly type: "attached";
}

/** The first message of a client. */
export interface Open {
  readonly type: "open";
  readonly protocol: number;
  readonly token: string;
}

/** What runs here, for a client. */
export interface Opened {
  readonly type: "opened";
  readonly model: string;
  readonly inputs: readonly DeclaredTensor[];
  readonly outputs: readonly DeclaredTensor[];
  /** Whether speeds and links are imitated on one machine. */
  readonly emulated: boolean;
  /** How many requests of one client are taken at once. */
  readonly window: number;
}

/** Ends a channel whose first message was not accepted. */
export interface Refused {
  readonly type: "refused";
  readonly error: WireError;
}

/** Bytes addressed by what they are. */
export interface BlobReference {
  readonly sha256: string;
  readonly bytes: number;
}

/** A part as it travels: a skeleton, and weights that may be known already. */
export interface OfferedPart {
  readonly stage: string;
  readonly skeleton: BlobReference;
  readonly weights: readonly (BlobReference & { readonly name: string })[];
  readonly threads: number;
  /** Parameters and the most tensor bytes alive at any of its nodes. */
  readonly memoryBytes: number;
}

/** A device's parts, before their bytes. Travels in the payload: it may name thousands of weights. */
export interface Offer {
  readonly type: "offer";
  readonly generation: number;
  readonly body: { readonly parts: readonly OfferedPart[] };
}

/** The blobs of an offer that the agent does not have. */
export interface Want {
  readonly type: "want";
  readonly generation: number;
  readonly body: { readonly blobs: readonly string[] };
}

/** A piece of a blob; pieces come in order. */
export interface Blob {
  readonly type: "blob";
  readonly sha256: string;
  readonly offset: number;
}

/** The parts are in their sessions. */
export interface Loaded {
  readonly type: "loaded";
  readonly generation: number;
}

/** How a device imitates a slower one, and its links slower ones. */
export interface Emulation {
  /** Compute takes 1 ÷ speed as long; at 1 and above it takes what it takes. */
  readonly speed: number;
  readonly links: readonly {
    readonly to: string;
    readonly bandwidthBitsPerSecond: number;
    readonly latencySeconds: number;
    /** Links of one medium share its capacity. */
    readonly medium: string | null;
  }[];
}

/** What to do from now on. The agent dials those of `producers`, then says `deployed`. */
export interface Deploy {
  readonly type: "deploy";
  readonly generation: number;
  readonly body: {
    readonly deployment: DeviceDeployment;
    readonly producers: readonly { readonly device: string; readonly address: string }[];
    readonly emulation: Emulation | null;
  };
}

export interface Deployed {
  readonly type: "deployed";
  readonly generation: number;
}

/** The agent cannot do what it was told. */
export interface Failed {
  readonly type: "failed";
  readonly error: WireError;
}

/** A data channel to another device has ended. */
export interface Lost {
  readonly type: "lost";
  readonly device: string;
  readonly error: WireError;
}

export interface Heartbeat {
  readonly type: "heartbeat";
  /** Requests that the agent holds something of, now and at most so far. */
  readonly requests: number;
  readonly peakRequests: number;
}

/** Nobody waits for this request any more. */
export interface Forget {
  readonly type: "forget";
  readonly generation: number;
  readonly request: number;
}

export interface Shutdown {
  readonly type: "shutdown";
  readonly reason: string;
}

/** A tensor's value, in the payload. On a client channel the generation is 0. */
export interface TensorMessage {
  readonly type: "tensor";
  readonly generation: number;
  readonly request: number;
  readonly tensor: string;
  readonly dataType: string;
  readonly shape: readonly number[];
  /** In which form the payload is; left out: as it is. */
  readonly codec?: string;
}

/** A request has begun: for devices with stages that need no tensor. */
export interface Begin {
  readonly type: "begin";
  readonly generation: number;
  readonly request: number;
}

/** What a stage took for one request. */
export interface StageTiming {
  readonly stage: string;
  readonly device: string;
  /** From its last input until the device was free for it. */
  readonly queueSeconds: number;
  /** The runtime's own figure for the run. */
  readonly computeSeconds: number;
  /** How long the device was taken: the run as seen by the agent, or longer where a speed is emulated. */
  readonly busySeconds: number;
}

/** What a hop took for one request, as the sender saw it. */
export interface HopTiming {
  readonly tensor: string;
  readonly from: string;
  readonly to: string;
  /** Of the payload: coded ones where there is a codec. */
  readonly bytes: number;
  /** What coding it took, longer where a speed is emulated; 0 without a codec. */
  readonly encodeSeconds: number;
  /** Behind other tensors for the same device. */
  readonly queueSeconds: number;
  /** Until the transport or the emulated link had taken it; what the latency adds is not in it. */
  readonly sendSeconds: number;
}

/** A device has done everything it has to do for a request. */
export interface Report {
  readonly type: "report";
  readonly generation: number;
  readonly request: number;
  readonly stages: readonly StageTiming[];
  readonly hops: readonly HopTiming[];
}

/** A request has failed. */
export interface Failure {
  readonly type: "failure";
  readonly generation: number;
  readonly request: number;
  readonly error: WireError;
}

/** A client's request, behind its tensors. */
export interface Ask {
  readonly type: "ask";
  readonly request: number;
  /** `null`: no deadline. */
  readonly deadlineSeconds: number | null;
}

/** Where the time of a request went. All as measured; emulated waits are in it. */
export interface RequestTimings {
  /** Until there was room for it in the window. */
  readonly waitSeconds: number;
  /** From there until its last output was at the coordinator. */
  readonly totalSeconds: number;
  readonly stages: readonly StageTiming[];
  readonly hops: readonly HopTiming[];
}

/** The answer to a client's request, behind its tensors. */
export interface Answer {
  readonly type: "answer";
  readonly request: number;
  readonly timings: RequestTimings;
}

export type Message =
  | Answer
  | Ask
  | Attach
  | Attached
  | Begin
  | Blob
  | Deploy
  | Deployed
  | Failed
  | Failure
  | Forget
  | Heartbeat
  | Join
  | Loaded
  | Lost
  | Offer
  | Open
  | Opened
  | Refused
  | Report
  | Shutdown
  | TensorMessage
  | Want
  | Welcome;
