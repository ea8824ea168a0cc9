import {
  type Metadata,
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
} from "@grpc/grpc-js";
import type { Clock } from "../../base/clock.ts";
import { seconds } from "../../base/units.ts";
import type { Admission, Guest } from "../oip/admission.ts";
import { statusOf } from "./status.node.ts";

/** Messages of one stream that are read before the first of them is answered. */
const window = 8;
/** How long a client may keep a call open of which it has been told the end. */
const lingering = seconds(10);

export interface AdmittedService {
  /** Begins the path of each of its methods. */
  readonly path: string;
  readonly admission: Admission;
}

export interface AdmittingOptions {
  /** The one that is meant stands first where several paths fit. */
  readonly services: readonly AdmittedService[];
  /** Of a message. */
  readonly largestBytes: number;
  /** Ends the connection of a peer, by the library's name of it. */
  readonly cut: (peer: string) => void;
  readonly clock: Clock;
  /** Aborted when the server closes. */
  readonly closing: AbortSignal;
}

/**
 * Reads messages only as there is room for them. A call that takes one message has room for the largest
 * set aside, until it is here; a stream may be quiet for as long as it likes, and is read while there is
 * room for what has come in. Who does not take answers loses the connection, and who goes on with a call
 * that is over: the library ends no single call that waits for its client, and keeps what came of it.
 */
export function admitting(options: AdmittingOptions): ServerInterceptor {
  const { services, largestBytes, cut, clock, closing } = options;
  return ({ path, requestStream }, call) => {
    const service = services.find((candidate) => path.startsWith(candidate.path));
    if (service === undefined) return new ServerInterceptingCall(call);
    const peer = call.getPeer();
    return new AdmittedCall(call, service.admission, requestStream ? null : largestBytes, {
      now: () => cut(peer),
      late: async () => {
        await clock.sleep(lingering, closing);
        // Nobody is the peer of a call that the client has ended, too.
        if (call.getPeer() === peer) cut(peer);
      },
    });
  };
}

const admitted = new WeakMap<Metadata, AdmittedCall>();

/** Of the messages of a call, in their order: each time the next one. */
export function nextGuest({ metadata }: { readonly metadata: Metadata }): Guest | undefined {
  return admitted.get(metadata)?.claim();
}

/** Ends the connection of a call. */
interface Cut {
  readonly now: () => void;
  /** After a while, if the client has not ended the call by then. @throws if the server closes */
  readonly late: () => Promise<void>;
}

type Listener = Parameters<ServerInterceptingCallInterface["start"]>[0];
type Status = Parameters<ServerInterceptingCallInterface["sendStatus"]>[0];
type Sent = Parameters<ServerInterceptingCallInterface["sendMessage"]>[1];

class AdmittedCall extends ServerInterceptingCall {
  readonly #admission: Admission;
  /** Of the one message; `null`: it is a stream. */
  readonly #largestBytes: number | null;
  readonly #over = new AbortController();
  readonly #cut: Cut;
  /** Of the messages whose answers are not through, the oldest first; the last may still be on its way. */
  readonly #guests: Guest[] = [];
  /** Those that have come and whom nobody has asked for. */
  readonly #unclaimed: Guest[] = [];
  /** Of the one message, which counts when the client has said that no more comes. */
  #bytes: number | null = null;
  #wantsMore = false;
  #hasAnswered = false;
  /** The client has said that no more comes. */
  #isWhole = false;

  constructor(
    call: ServerInterceptingCallInterface,
    admission: Admission,
    largestBytes: number | null,
    cut: Cut,
  ) {
    super(call);
    this.#admission = admission;
    this.#largestBytes = largestBytes;
    this.#cut = cut;
  }

  claim(): Guest | undefined {
    return this.#unclaimed.shift();
  }

  override start(listener: Listener): void {
    super.start({
      onReceiveMetadata: (metadata) => {
        admitted.set(metadata, this);
        listener.onReceiveMetadata(metadata);
      },
      onReceiveMessage: (message: Uint8Array) => {
        this.#bytes = message.byteLength;
        const guest = this.#guests.at(-1);
        if (guest !== undefined) this.#unclaimed.push(guest);
        if (this.#largestBytes === null) guest?.arrived(message.byteLength);
        listener.onReceiveMessage(message);
      },
      onReceiveHalfClose: () => {
        this.#isWhole = true;
        if (this.#largestBytes !== null) this.#guests.at(-1)?.arrived(this.#bytes ?? 0);
        listener.onReceiveHalfClose();
      },
      onCancel: () => {
        this.#leave();
        if (!this.#isWhole) void this.#cut.late().catch(() => undefined);
        listener.onCancel();
      },
    });
  }

  override startRead(): void {
    const isWhole = this.#largestBytes !== null && this.#bytes !== null;
    if (isWhole) super.startRead();
    else if (this.#guests.length >= window) this.#wantsMore = true;
    else void this.#read();
  }

  override sendMessage(message: unknown, sent: Sent): void {
    this.#hasAnswered = true;
    this.#guests[0]?.sending();
    super.sendMessage(message, () => {
      this.#guests.shift()?.leave();
      if (this.#wantsMore) void this.#read();
      sent();
    });
  }

  override sendStatus(status: Status): void {
    this.#leave();
    super.sendStatus(status);
  }

  async #read(): Promise<void> {
    this.#wantsMore = false;
    try {
      const guest = await this.#admission.enter(this.#largestBytes ?? 0, this.#over.signal);
      if (this.#over.signal.aborted) return guest.leave();
      this.#guests.push(guest);
      const giveWay = () => {
        if (this.#hasAnswered) this.#cut.now();
        else this.sendStatus(statusOf(guest.displaced.reason));
      };
      guest.displaced.addEventListener("abort", giveWay, { once: true });
    } catch {
      // The call is over.
      return;
    }
    super.startRead();
  }

  #leave(): void {
    this.#over.abort();
    for (const guest of this.#guests.splice(0)) guest.leave();
  }
}
