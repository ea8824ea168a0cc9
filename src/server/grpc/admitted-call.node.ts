import {
  type Metadata,
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
} from "@grpc/grpc-js";
import type { Clock } from "../../base/clock.ts";
import { seconds } from "../../base/units.ts";
import type { Admission } from "../oip/admission.ts";
import type { Guest } from "../oip/guest.ts";
import { ComingMessages, type MessageTerms } from "./coming-messages.ts";
import { MessageHead } from "./message-head.ts";
import { statusOf } from "./status.node.ts";

/** Messages of one stream that are read before the first of them is answered. */
const window = 8;
/** How long a client may keep a call open of which it has been told the end. */
const lingering = seconds(10);

export interface AdmittedService {
  /** Begins the path of each of its methods. */
  readonly path: string;
  /** Of messages that are answered, and of the answers. */
  readonly admission: Admission;
  /** Of messages that come in; `null`: room is set aside in the other one, for the largest at first. */
  readonly coming: Admission | null;
  /** Of a message, as it is when it is not compressed. */
  readonly messageBytes: number;
}

export interface AdmittingOptions {
  /** The one that is meant stands first where several paths fit. */
  readonly services: readonly AdmittedService[];
  /** More than that the library makes of no message. */
  readonly unpackedBytes: number;
  /** Ends the connection of a peer, by the library's name of it. */
  readonly cut: (peer: string) => void;
  readonly clock: Clock;
  /** Aborted when the server closes. */
  readonly closing: AbortSignal;
}

/**
 * Reads messages only as there is room for them. A call that brings one request has room for the largest
 * set aside until it says how large it is, and for that until it is here; of all others the bytes count as
 * they come, so that they may be quiet for as long as they like. Who does not take answers loses the connection, and who goes on with a call
 * that is over: the library ends no single call that waits for its client, and keeps what came of it.
 */
export function admitting(options: AdmittingOptions): ServerInterceptor {
  const { services, unpackedBytes, cut, clock, closing } = options;
  return ({ path, requestStream }, call) => {
    const service = services.find((candidate) => path.startsWith(candidate.path));
    if (service === undefined) return new ServerInterceptingCall(call);
    const peer = call.getPeer();
    return new AdmittedCall(
      call,
      { ...service, unpackedBytes, isStream: requestStream },
      {
        now: () => cut(peer),
        late: async () => {
          await clock.sleep(lingering, closing);
          // Nobody is the peer of a call that the client has ended, too.
          if (call.getPeer() === peer) cut(peer);
        },
      },
    );
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

interface CallKind extends AdmittedService, MessageTerms {}

class AdmittedCall extends ServerInterceptingCall {
  readonly #kind: CallKind;
  /** `null`: room for it is set aside. */
  readonly #coming: ComingMessages | null = null;
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

  constructor(call: ServerInterceptingCallInterface, kind: CallKind, cut: Cut) {
    super(call);
    this.#kind = kind;
    this.#cut = cut;
    if (kind.coming !== null) this.#coming = this.#count(call, kind.coming);
    else this.#shrink(call);
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
        if (this.#kind.isStream) this.#arrived(message.byteLength);
        listener.onReceiveMessage(message);
      },
      onReceiveHalfClose: () => {
        this.#isWhole = true;
        if (!this.#kind.isStream) this.#arrived(this.#bytes ?? 0);
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
    const isWhole = !this.#kind.isStream && this.#bytes !== null;
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

  /** Keeps of the room that was set aside what the message says that it needs. */
  #shrink(call: ServerInterceptingCallInterface): void {
    const head = new MessageHead();
    onBytes(call, (bytes) => {
      const guest = this.#guests.at(-1);
      guest?.came(bytes.byteLength);
      if (head.isWhole) return;
      head.take(bytes, 0);
      if (head.isWhole && !head.isCompressed) guest?.needs(head.announced);
    });
  }

  #count(call: ServerInterceptingCallInterface, admission: Admission): ComingMessages {
    const guest = admission.open();
    const coming = new ComingMessages(guest, this.#kind);
    const refuse = (reason: unknown) => {
      this.sendStatus(statusOf(reason));
      // It is told behind answers that the client may not take.
      void this.#cut.late().catch(() => undefined);
    };
    guest.displaced.addEventListener("abort", () => refuse(guest.displaced.reason), { once: true });
    onBytes(call, (bytes) => {
      try {
        coming.came(bytes);
      } catch (error) {
        refuse(error);
        throw error;
      }
    });
    return coming;
  }

  /** The oldest message depends on the client no more. */
  #arrived(bytes: number): void {
    this.#coming?.handedOn();
    this.#guests.at(-1)?.arrived(bytes);
  }

  async #read(): Promise<void> {
    this.#wantsMore = false;
    try {
      const { admission, coming, messageBytes } = this.#kind;
      const bytes = coming === null ? messageBytes : 0;
      const guest = await admission.enter(bytes, this.#over.signal);
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
    this.#coming?.awaited();
    super.startRead();
  }

  #leave(): void {
    this.#over.abort();
    this.#coming?.leave();
    for (const guest of this.#guests.splice(0)) guest.leave();
  }
}

/**
 * Has somebody see what comes of a call before the library puts messages together of it: it says how
 * large one is when it has all of it, and has one limit for all methods.
 *
 * @param see what it throws refuses the call
 */
function onBytes(call: ServerInterceptingCallInterface, see: (bytes: Uint8Array) => void): void {
  // No option of the library leads there; tests of what is counted fail where it is named otherwise.
  const { decoder } = call as unknown as { readonly decoder: Decoder };
  const { write } = decoder;
  decoder.write = (bytes) => {
    see(bytes);
    return write.call(decoder, bytes);
  };
}

interface Decoder {
  write: (bytes: Uint8Array) => unknown;
}
