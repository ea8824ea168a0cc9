/**
 * What is said on the channels of requests: hop, gateway, tunnel and client.
 *
 * @module
 */
import type { DeclaredTensor } from "../runtime/signature.ts";
import type { Greeting } from "./greeting.ts";
import type { WireError } from "./wire-error.ts";

/** The first message on a data channel. */
export interface Attach extends Greeting {
  readonly type: "attach";
  readonly kind: DataChannelKind;
  /** Who dials. */
  readonly device: string;
  /** Whom it means. */
  readonly to: string;
  readonly standing: Standing;
}

export type DataChannelKind = "hop" | "gateway";

export interface Attached {
  readonly type: "attached";
  readonly standing: Standing;
}

/**
 * How far one side of two devices' traffic is, whatever channels it went over: what the other side
 * has sent beyond that goes again over the new channel.
 */
export interface Standing {
  /** Another name than before: this side has forgotten everything. */
  readonly life: string;
  /** The life of the other side that it has heard; `null`: none. */
  readonly heardOf: string | null;
  /** How many frames of that life, those of liveness not counted. */
  readonly heard: number;
  /** Rises with each channel of the two: one that was dialled earlier never replaces a later one. */
  readonly turn: number;
}

/** On data channels: so many frames have been heard, and need not be kept any longer. */
export interface Heard {
  readonly type: "heard";
  readonly frames: number;
  /** How fast large tensors come in; left out: not known. */
  readonly bitsPerSecond?: number;
}

/** The first message of an agent that wants the coordinator to pass its frames on. */
export interface Tunnel extends Greeting {
  readonly type: "tunnel";
  readonly kind: DataChannelKind;
  readonly device: string;
  readonly to: string;
}

/** The other side is there: from here on each frame is passed on as it is. */
export interface Tunnelled {
  readonly type: "tunnelled";
}

/** The first message of a client. */
export interface Open extends Greeting {
  readonly type: "open";
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

/** Requests are taken elsewhere: the client is to dial one of these. */
export interface Elsewhere {
  readonly type: "elsewhere";
  readonly addresses: readonly string[];
}

/** Ends a channel whose first message was not accepted. */
export interface Refused {
  readonly type: "refused";
  readonly error: WireError;
}

/** On data channels: is somebody there? */
export interface Ping {
  readonly type: "ping";
  /** It measures the link, as it is or is imitated, and its answer says so; the payload is no matter. */
  readonly probe?: number;
}

export interface Pong {
  readonly type: "pong";
  readonly probe?: number;
  /** In which the probe's payload came in, where that is seen: the pong itself may wait behind others. */
  readonly seconds?: number;
}

/** Which requests have ended: nobody waits for them any more, and what is kept of them may go. */
export interface SettledMark {
  /** All with lower numbers, which never come again, */
  readonly below: number;
  /** but for these. */
  readonly open: readonly number[];
}

/** Says everything each time, so that one that is lost does no harm. */
export interface Settled extends SettledMark {
  readonly type: "settled";
}

/** What is here of these requests that need not be made again? */
export interface Recall {
  readonly type: "recall";
  readonly generation: number;
  readonly requests: readonly number[];
}

export interface Kept {
  readonly type: "kept";
  readonly generation: number;
  readonly body: {
    readonly requests: readonly {
      readonly request: number;
      readonly tensors: readonly string[];
    }[];
  };
}

/** A tensor's value, or a piece of it, in the payload. On a client channel the generation is 0. */
export interface TensorMessage {
  readonly type: "tensor";
  readonly generation: number;
  readonly request: number;
  readonly tensor: string;
  readonly dataType: string;
  readonly shape: readonly number[];
  /** In which form the payload is; left out: as it is. */
  readonly codec?: string;
  /** Where this piece begins and how long the whole is, in that form; left out: it is the whole. */
  readonly piece?: { readonly offset: number; readonly bytes: number };
}

/** What of a request is still to be done on a device. */
export interface Resume {
  /** Stages to run here. */
  readonly stages: readonly string[];
  /** Tensors to send on. */
  readonly forwards: readonly { readonly tensor: string; readonly to: string }[];
  /** Graph outputs to answer with. */
  readonly answers: readonly string[];
}

/** A request has begun: for devices with stages that need no tensor, and for those that go on. */
export interface Begin {
  readonly type: "begin";
  readonly generation: number;
  readonly request: number;
  /** `null`: everything. */
  readonly resume: Resume | null;
}

/** What a stage took for one request. */
export interface StageTiming {
  readonly stage: string;
  readonly device: string;
  /** When its last input was there, since the device first heard of the request. */
  readonly startSeconds: number;
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
  /** When it was there to be sent, since the sender first heard of the request. */
  readonly startSeconds: number;
  /** What coding it took, longer where a speed is emulated; 0 without a codec. */
  readonly encodeSeconds: number;
  /** Behind other tensors for the same device. */
  readonly queueSeconds: number;
  /** Until the transport or the emulated link had taken it; what the latency adds is not in it. */
  readonly sendSeconds: number;
}

/** How long a tensor took to come in, as the receiver saw it. */
export interface Receipt {
  readonly tensor: string;
  readonly from: string;
  readonly to: string;
  readonly bytes: number;
  /** From its first byte to its last. */
  readonly seconds: number;
}

/** A device has done everything it has to do for a request. */
export interface Report {
  readonly type: "report";
  readonly generation: number;
  readonly request: number;
  readonly stages: readonly StageTiming[];
  readonly hops: readonly HopTiming[];
  readonly receipts: readonly Receipt[];
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
  /** The same again is the same request, also on another channel; `null`: it is asked once. */
  readonly id: string | null;
  /** `null`: no deadline. */
  readonly deadlineSeconds: number | null;
}

/** The client wants no answer any more. */
export interface Cancel {
  readonly type: "cancel";
  readonly request: number;
}

/** Where the time of a request went. All as measured; emulated waits are in it. */
export interface RequestTimings {
  /** The device where it came in. */
  readonly source: string;
  /** Until there was room for it in the window. */
  readonly waitSeconds: number;
  /** From there until its last output was at the source. */
  readonly totalSeconds: number;
  /** Of all requests that it was joined with. */
  readonly stages: readonly StageTiming[];
  /** Likewise. */
  readonly hops: readonly HopTiming[];
  /**
   * How many went through as one, itself counted, their rows along the first axis, and the number of
   * theirs; left out: it went alone.
   */
  readonly joined?: { readonly request: number; readonly requests: number; readonly rows: number };
}

/** The answer to a client's request, behind its tensors. */
export interface Answer {
  readonly type: "answer";
  readonly request: number;
  /** The request's in all logs: `request` is the client's own. */
  readonly number: number;
  readonly timings: RequestTimings;
}

export type DataMessage =
  | Answer
  | Ask
  | Attach
  | Attached
  | Begin
  | Cancel
  | Elsewhere
  | Failure
  | Heard
  | Kept
  | Open
  | Opened
  | Ping
  | Pong
  | Recall
  | Refused
  | Report
  | Settled
  | TensorMessage
  | Tunnel
  | Tunnelled;
