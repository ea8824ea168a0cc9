import {
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
} from "@grpc/grpc-js";
import type { Admission, Guest } from "./admission.ts";
import { statusOf } from "./status.node.ts";

/** Messages of one stream that are read before the first of them is answered. */
const window = 8;

export interface AdmittedService {
  /** Begins the path of each of its methods. */
  readonly path: string;
  readonly admission: Admission;
}

/**
 * Reads messages only as there is room for them. A call that takes one message has room for the largest
 * set aside, until it is here; a stream may be quiet for as long as it likes, and is read while there is
 * room for what has come in.
 *
 * @param services with the one that is meant first where several paths fit
 */
export function admitting(
  services: readonly AdmittedService[],
  largestBytes: number,
): ServerInterceptor {
  return ({ path, requestStream }, call) => {
    const service = services.find((candidate) => path.startsWith(candidate.path));
    if (service === undefined) return new ServerInterceptingCall(call);
    return new AdmittedCall(call, service.admission, requestStream ? null : largestBytes);
  };
}

type Listener = Parameters<ServerInterceptingCallInterface["start"]>[0];
type Status = Parameters<ServerInterceptingCallInterface["sendStatus"]>[0];
type Sent = Parameters<ServerInterceptingCallInterface["sendMessage"]>[1];

class AdmittedCall extends ServerInterceptingCall {
  readonly #admission: Admission;
  /** Of the one message; `null`: it is a stream. */
  readonly #largestBytes: number | null;
  readonly #over = new AbortController();
  /** Of the messages that are not answered yet, the oldest first; the last may still be on its way. */
  readonly #guests: Guest[] = [];
  /** Of the one message, which counts when the client has said that no more comes. */
  #bytes: number | null = null;
  #wantsMore = false;

  constructor(
    call: ServerInterceptingCallInterface,
    admission: Admission,
    largestBytes: number | null,
  ) {
    super(call);
    this.#admission = admission;
    this.#largestBytes = largestBytes;
  }

  override start(listener: Listener): void {
    super.start({
      onReceiveMetadata: (metadata) => listener.onReceiveMetadata(metadata),
      onReceiveMessage: (message: Uint8Array) => {
        this.#bytes = message.byteLength;
        if (this.#largestBytes === null) this.#guests.at(-1)?.arrived(message.byteLength);
        listener.onReceiveMessage(message);
      },
      onReceiveHalfClose: () => {
        if (this.#largestBytes !== null) this.#guests.at(-1)?.arrived(this.#bytes ?? 0);
        listener.onReceiveHalfClose();
      },
      onCancel: () => {
        this.#leave();
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
    this.#guests.shift()?.leave();
    super.sendMessage(message, sent);
    if (this.#wantsMore) void this.#read();
  }

  override sendStatus(status: Status): void {
    this.#leave();
    super.sendStatus(status);
  }

  async #read(): Promise<void> {
    this.#wantsMore = false;
    try {
      const guest = await this.#admission.enter(this.#largestBytes ?? 0, this.#over.signal);
      this.#guests.push(guest);
      const giveWay = () => this.sendStatus(statusOf(guest.displaced.reason));
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
