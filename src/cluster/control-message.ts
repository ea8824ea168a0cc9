/**
 * What agents and coordinator say to each other on the control channel.
 *
 * @module
 */

import type { DataChannelKind, Opened } from "./data-message.ts";
import type { Deployment, DeviceDeployment } from "./deployment.ts";
import type { Greeting } from "./greeting.ts";
import type { Pending } from "./outbox.ts";
import type { WireError } from "./wire-error.ts";

/** The first message of an agent, each time it dials. */
export interface Join extends Greeting {
  readonly type: "join";
  readonly name: string;
  /** Of this process: a device that starts again has lost what it held. */
  readonly incarnation: string;
  /** With its version. */
  readonly runtime: string;
  readonly cores: number;
  /** What the agent may use; `null`: not limited. */
  readonly memoryBytes: number | null;
  /** What the standard benchmark took; `null`: it was not run. */
  readonly benchmarkSeconds: number | null;
  /** Where it accepts data channels; the other side races them. */
  readonly addresses: readonly string[];
  /** Generations that are deployed here. */
  readonly generations: readonly number[];
  /** The generation that its gateway serves; `null`: none. */
  readonly serving: number | null;
  /** It takes part in no generation with a lower number any more. */
  readonly fencedBelow: number;
  /** A request for a certificate over its key (PEM); `null` without TLS. */
  readonly certificateRequest: string | null;
}

export interface Welcome {
  readonly type: "welcome";
  /** How often the agent is to send a heartbeat, on every channel that is otherwise silent. */
  readonly heartbeatSeconds: number;
  /** After so many intervals of silence a channel is lost. */
  readonly missedHeartbeats: number;
  /** The device's certificate (PEM); `null` without TLS. */
  readonly certificate: string | null;
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
  /** Of several tiles that take turns: between its runs it is to hold no more than its weights. */
  readonly thrifty?: boolean;
}

/** A device's parts, before their bytes. Travels in the payload: it may name thousands of weights. */
export interface Offer {
  readonly type: "offer";
  readonly generation: number;
  /** `prefetch`: the blobs are to be there if they are needed; nothing is loaded. */
  readonly purpose: "load" | "prefetch";
  readonly body: { readonly parts: readonly OfferedPart[] };
}

/** The blobs of an offer that the agent does not have, or not all of. */
export interface Want {
  readonly type: "want";
  readonly generation: number;
  readonly body: {
    readonly blobs: readonly {
      readonly sha256: string;
      /** Bytes from the start that are there already. */
      readonly offset: number;
    }[];
  };
}

/** A piece of a blob. */
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

/** The blobs of a `prefetch` are here. */
export interface Fetched {
  readonly type: "fetched";
  readonly generation: number;
}

/** How a device imitates a slower one, and its links slower ones. */
export interface Emulation {
  /** Compute takes 1 ÷ speed as long; at 1 and above it takes what it takes. */
  readonly speed: number;
  readonly links: readonly EmulatedLink[];
}

export interface EmulatedLink extends EmulatedLeg {
  readonly to: string;
  /** From the coordinator's relay on, where the way leads over it; `null`: there is no more. */
  readonly beyond: EmulatedLeg | null;
}

export interface EmulatedLeg {
  readonly bandwidthBitsPerSecond: number;
  readonly latencySeconds: number;
  /** Links of one medium share its capacity. */
  readonly medium: string | null;
}

/** Another device, and where it can be dialled. */
export interface Peer {
  readonly device: string;
  readonly addresses: readonly string[];
}

/** What the gateway has to know of a generation, on the source device. */
export interface GatewayDeployment {
  readonly deployment: Deployment;
  readonly opened: Opened;
  /** How requests are joined; left out: each goes alone. */
  readonly joining?: DeployedJoining;
}

/** How requests are joined along their first axis, so that they go through as one. */
export interface DeployedJoining {
  /** Rows that go as one at most; a request that has more goes alone. */
  readonly most: number;
  /** How long a request waits for company when there is room for it. */
  readonly waitSeconds: number;
  /** What may be in flight at once: so many passes, and so many rows in all of them. */
  readonly passes: number;
  readonly rows: number;
}

/** A generation to run. The agent connects to its peers, then says `deployed`. */
export interface Deploy {
  readonly type: "deploy";
  readonly generation: number;
  /** Whether everything older ends at once, or runs on until it is retired. */
  readonly fences: boolean;
  /** Whether the gateway may go over to it by itself when everybody else is gone. */
  readonly standby: boolean;
  readonly body: {
    readonly deployment: DeviceDeployment;
    /** The source, and everybody that this device exchanges tensors with. */
    readonly peers: readonly Peer[];
    readonly source: string;
    readonly emulation: Emulation | null;
    /** `null` on every device but the source. */
    readonly gateway: GatewayDeployment | null;
  };
}

export interface Deployed {
  readonly type: "deployed";
  readonly generation: number;
}

/** To the source: requests go into this generation from now on. */
export interface Serve {
  readonly type: "serve";
  readonly generation: number;
  /** Whether those that older ones have not answered are to go through this one. */
  readonly replay: boolean;
}

/** The gateway has gone over to a generation, told to or (a standby) by itself. */
export interface Serving {
  readonly type: "serving";
  readonly generation: number;
}

/** Nothing of this generation is in flight any more. */
export interface Drained {
  readonly type: "drained";
  readonly generation: number;
}

/** No request can be answered until the next `serve`: those that are here fail with this. */
export interface Suspend {
  readonly type: "suspend";
  readonly error: WireError;
}

/** Release a generation's sessions; it is needed no more. */
export interface Retire {
  readonly type: "retire";
  readonly generation: number;
}

/** Generations below this one end at once. */
export interface Fence {
  readonly type: "fence";
  readonly below: number;
}

/** Somebody cannot dial this agent: it is to dial them. */
export interface DialBack {
  readonly type: "dialBack";
  readonly kind: DataChannelKind;
  readonly peer: Peer;
  /** Through the coordinator, since neither can dial the other. */
  readonly tunnel: boolean;
}

/** From now on the device and its links imitate other ones. */
export interface Emulate {
  readonly type: "emulate";
  readonly emulation: Emulation;
}

/** The agent cannot do what it was told. */
export interface Failed {
  readonly type: "failed";
  /** Which one cannot run here; `null`: it was about something else. */
  readonly generation: number | null;
  readonly error: WireError;
}

/** A data channel to another device has ended and could not be opened again at once. */
export interface Lost {
  readonly type: "lost";
  readonly device: string;
  readonly error: WireError;
}

/** A data channel that was lost stands again. */
export interface Reached {
  readonly type: "reached";
  readonly device: string;
}

export interface Heartbeat {
  readonly type: "heartbeat";
  /** Requests that the agent holds something of, now and at most so far. */
  readonly requests: number;
  readonly peakRequests: number;
  /** Bytes of tensors that it holds, kept ones included. */
  readonly heldBytes: number;
  /** For each device, the tensor that has been on its way there for the longest, if one is. */
  readonly pending: readonly (Pending & { readonly device: string })[];
  /** For each device, so much has come from there of a frame that is not all here, in this time. */
  readonly arriving: readonly {
    readonly device: string;
    readonly bytes: number;
    readonly seconds: number;
  }[];
}

/** The agent is to measure its link to a device, and to say `probed`. */
export interface Probe {
  readonly type: "probe";
  readonly peer: Peer;
  readonly bytes: number;
}

export interface Probed {
  readonly type: "probed";
  readonly device: string;
  readonly bytes: number;
  /** `null`: it could not be measured. */
  readonly link: {
    readonly roundTripSeconds: number;
    /** `null`: the bytes took no longer than nothing does. */
    readonly goodputBitsPerSecond: number | null;
    /** Where the device is, as the agent sees it. */
    readonly address: string;
    readonly tunnelled: boolean;
  } | null;
  readonly error: WireError | null;
}

/** What the gateway has seen since it said so last. */
export interface Measured {
  readonly type: "measured";
  readonly body: {
    readonly generation: number;
    readonly seconds: number;
    /** This and the next two: since the gateway began. */
    readonly answered: number;
    readonly failed: number;
    readonly replayed: number;
    readonly inFlight: number;
    readonly waiting: number;
    /** Of requests that were answered; `null`: none was. */
    readonly latencySeconds: number | null;
    /** How many of them went as one, in the mean; `null`: none was. */
    readonly requestsPerPass: number | null;
    readonly stages: readonly {
      readonly stage: string;
      readonly device: string;
      /** Of passes of so many rows; where requests are not joined, of all: 1. */
      readonly rows: number;
      readonly count: number;
      /** Medians. */
      readonly computeSeconds: number;
      readonly busySeconds: number;
      readonly queueSeconds: number;
    }[];
    readonly hops: readonly {
      readonly from: string;
      readonly to: string;
      readonly count: number;
      readonly bytes: number;
      /** Median over transfers that were large enough to tell; `null`: none was. */
      readonly goodputBitsPerSecond: number | null;
    }[];
  };
}

export interface Shutdown {
  readonly type: "shutdown";
  readonly reason: string;
}

export type ControlMessage =
  | Blob
  | Deploy
  | Deployed
  | DialBack
  | Drained
  | Emulate
  | Failed
  | Fence
  | Fetched
  | Heartbeat
  | Join
  | Loaded
  | Lost
  | Measured
  | Offer
  | Probe
  | Probed
  | Reached
  | Retire
  | Serve
  | Serving
  | Shutdown
  | Suspend
  | Want
  | Welcome;
