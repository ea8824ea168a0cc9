import { type OnReadOpts, Socket } from "node:net";
import { systemClock } from "../base/clock.node.ts";
import { discard } from "../base/discard.ts";
import { CodedError, isCoded, messageOf } from "../base/errors.ts";
import { encodeHeader, FrameDecoder, goodbye } from "./frame.ts";
import { defaultInboxLimits, Inbox } from "./inbox.ts";
import type { Arriving, Channel, Frame, FrameLimits } from "./transport.ts";

/**
 * How long a closed channel waits for a peer: for one that neither reads nor closes, for one that reads
 * a little now and then, and for one that has been sent everything and does not close.
 */
const lingerMilliseconds = { idle: 2000, reading: 30_000, sent: 3000 };

/** After so long a silence the kernel asks whether the other machine is there, for who only listens. */
const keepAliveMilliseconds = 30_000;

/**
 * Of several addresses of one name each but the last gets so long before the next is tried. By default
 * Node gives it 250 ms: less than a round trip over a satellite, so that names would lead nowhere.
 */
export const nameTerms: { readonly autoSelectFamilyAttemptTimeout: number } = {
  autoSelectFamilyAttemptTimeout: 1000,
};

/** Begins to connect, and reads as it is told. */
export type Dial = (onread: OnReadOpts) => Socket;

/** Payloads that are overwritten anyway are not zeroed first; each has an ArrayBuffer of its own. */
function allocateUninitialised(size: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.allocUnsafeSlow(size).buffer);
}

/** What resolving names ends with; getaddrinfo(3). */
const unknownNames: ReadonlySet<string> = new Set(["ENOTFOUND", "EAI_AGAIN"]);

/**
 * A channel over one connection, TCP or TLS. The side that dials reads large payloads straight into their
 * own memory; the side that accepts copies them once, since Node has no such option there.
 *
 * Bounded: it stops reading while its consumer has 16 frames or 4 MiB to catch up with (exceeded by
 * at most one frame or one read of 64 KiB), and `send` waits until the kernel has the bytes.
 */
export class TcpChannel implements Channel {
  readonly peer: string;
  /** Set by a transport that has checked it. */
  identity: string | null = null;
  readonly ended: Promise<CodedError | null>;
  readonly #socket: Socket;
  #limits: FrameLimits;
  readonly #inbox: Inbox<Frame>;
  readonly #decoder: FrameDecoder;
  #state: "open" | "closing" | "ended" = "open";
  #settle: (why: CodedError | null) => void = () => undefined;
  #failure: CodedError | null = null;

  /** @param link an accepted socket, or what dials; then wait for `opened` */
  constructor(peer: string, limits: FrameLimits, link: Socket | Dial) {
    this.peer = peer;
    this.#limits = limits;
    this.ended = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.#inbox = new Inbox(defaultInboxLimits, () => this.#socket.resume());
    this.#decoder = new FrameDecoder({
      limits,
      onFrame: (frame) => this.#inbox.push(frame, frame.payload.byteLength),
      onGoodbye: () => this.#acceptGoodbye(),
      allocate: allocateUninitialised,
      now: systemClock.now,
    });
    this.#socket = link instanceof Socket ? this.#accept(link) : this.#dial(link);
    this.#socket.setNoDelay(true);
    this.#socket.setKeepAlive(true, keepAliveMilliseconds);
    this.#watch();
  }

  /**
   * Resolves when the connection stands.
   *
   * @param event of the socket, which says so
   * @throws CHANNEL_CLOSED if nobody answers; the signal's reason if it was aborted first
   */
  async opened(event: "connect" | "secureConnect", signal?: AbortSignal): Promise<void> {
    const socket = this.#socket;
    await new Promise<void>((resolve, reject) => {
      const onAbort = () => {
        reject(signal?.reason);
        socket.destroy();
      };
      const forget = () => signal?.removeEventListener("abort", onAbort);
      signal?.addEventListener("abort", onAbort, { once: true });
      socket.once(event, resolve).once(event, forget);
      socket.once("error", (error) => reject(this.#unreachable(error))).once("error", forget);
    });
  }

  get heardBytes(): number {
    return this.#socket.bytesRead;
  }

  get arriving(): Arriving | null {
    return this.#decoder.arriving;
  }

  async send(frame: Frame): Promise<void> {
    if (this.#state !== "open") throw this.#refusal();
    const header = encodeHeader(frame, this.#limits);
    await new Promise<void>((resolve, reject) => {
      const written = (error?: Error | null) => {
        if (error) reject(this.#refusal(error));
        else resolve();
      };
      if (frame.payload.byteLength === 0) {
        this.#socket.write(header, written);
        return;
      }
      // One writev for both: two writes would need two packets, joining them a copy.
      this.#socket.cork();
      this.#socket.write(header);
      this.#socket.write(frame.payload, written);
      this.#socket.uncork();
    });
  }

  setLimits(limits: FrameLimits): void {
    this.#limits = limits;
    this.#decoder.limits = limits;
  }

  async close(): Promise<void> {
    if (this.#state === "open") {
      this.#state = "closing";
      this.#inbox.end(null);
      this.#socket.end(goodbye);
      this.#linger();
    }
    await this.ended;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  [Symbol.asyncIterator](): AsyncIterator<Frame> {
    return this.#inbox[Symbol.asyncIterator]();
  }

  /** Reads into the decoder's own memory. */
  #dial(dial: Dial): Socket {
    const buffer = () => this.#decoder.target();
    const callback = (count: number) => this.#read(() => this.#decoder.received(count));
    return dial({ buffer, callback });
  }

  #accept(socket: Socket): Socket {
    return socket.on("data", (chunk: Buffer<ArrayBuffer>) => {
      if (!this.#read(() => this.#decoder.push(chunk))) socket.pause();
      // Nobody else has it: Node makes one for each read.
      discard(chunk);
    });
  }

  #watch(): void {
    const socket = this.#socket;
    socket.on("finish", () => {
      if (this.#state === "closing") this.#finish(null);
    });
    socket.on("end", () => this.#acceptEnd());
    socket.on("error", (error) => this.#fail(this.#lost(error)));
    socket.on("close", () => this.#fail(this.#lost(new Error("the connection ended"))));
  }

  /** @returns whether reading may go on */
  #read(decode: () => void): boolean {
    if (this.#state !== "open") return true;
    try {
      decode();
    } catch (error) {
      this.#fail(isCoded(error) ? error : this.#lost(error));
    }
    return !this.#inbox.full;
  }

  /** In mid-frame, too, the other side was lost: that is how a killed process looks from here. */
  #acceptEnd(): void {
    try {
      this.#decoder.end();
    } catch (error) {
      this.#fail(this.#lost(error));
    }
  }

  #acceptGoodbye(): void {
    this.#finish(null);
    this.#socket.end();
    this.#linger();
  }

  /** A peer may be slow to go, yet not hold on to the connection for ever. */
  #linger(): void {
    const socket = this.#socket;
    const destroy = () => socket.destroy();
    const patience = [setTimeout(destroy, lingerMilliseconds.reading).unref()];
    socket.once("finish", () => {
      patience.push(setTimeout(destroy, lingerMilliseconds.sent).unref());
    });
    socket.once("close", () => {
      for (const timer of patience) clearTimeout(timer);
    });
    socket.setTimeout(lingerMilliseconds.idle, destroy);
    // What still arrives is read and dropped: a reset because of unread bytes would destroy
    // what the other side has not read yet.
    socket.resume();
  }

  #fail(error: CodedError): void {
    if (this.#state === "ended") return;
    this.#finish(error);
    this.#socket.destroy();
  }

  #finish(error: CodedError | null): void {
    this.#state = "ended";
    this.#failure = error;
    this.#inbox.end(error);
    this.#settle(error);
  }

  #lost(cause: unknown): CodedError {
    return new CodedError(
      "CHANNEL_CLOSED",
      `the channel to ${this.peer} was lost: ${messageOf(cause)}`,
      { peer: this.peer },
      cause,
    );
  }

  #refusal(cause: unknown = this.#failure ?? undefined): CodedError {
    const why = cause === undefined ? "one of its sides closed it" : messageOf(cause);
    return new CodedError(
      "CHANNEL_CLOSED",
      `cannot send to ${this.peer}: ${why}`,
      { peer: this.peer },
      cause,
    );
  }

  #unreachable(error: NodeJS.ErrnoException): CodedError {
    const why = error.code ?? messageOf(error);
    const advice = unknownNames.has(why)
      ? "this machine does not know that name; is it right? An address in numbers always works"
      : "is an agent or a coordinator running there?";
    return new CodedError(
      "CHANNEL_CLOSED",
      `nobody answers at ${this.peer} (${why}); ${advice}`,
      { peer: this.peer, why },
      error,
    );
  }
}
