import type { Clock } from "../base/clock.ts";
import { CodedError, type ErrorCode, messageOf } from "../base/errors.ts";
import { seconds } from "../base/units.ts";
import type { Channel, Transport } from "../transport/transport.ts";
import type { Heartbeat, Join, Welcome } from "./control-message.ts";
import { introduce } from "./handshake.ts";
import { checkCoordinator } from "./identity.ts";
import { type Liveness, watchLiveness } from "./liveness.ts";
import type { Message } from "./message.ts";
import { limitTime } from "./neighbours/patience.ts";
import { decodeMessage, encodeMessage, type Received } from "./protocol.ts";

export interface ControlLinkOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  /** Of the coordinator. */
  readonly address: string;
  /** How things stand here, each time it is dialled. */
  readonly join: () => Promise<Join>;
  readonly heartbeat: () => Heartbeat;
  /** Whether to join anew although nothing is wrong, for what the coordinator then sends. */
  readonly isStale?: () => boolean;
  /** The coordinator lets this device in, again perhaps; it can be told things from `onUp` on. */
  readonly onWelcome: (welcome: Welcome) => Promise<void>;
  /** `isAgain`: it was away. */
  readonly onUp: (isAgain: boolean) => void;
  /** The next message is read when this has resolved. What it throws ends the channel. */
  readonly onMessage: (received: Received) => Promise<void>;
  /** The coordinator cannot be reached for now; it is dialled again and again. */
  readonly onGone: (error: CodedError) => void;
  /**
   * Somebody answers and does not let this device in, for the moment at least: it is dialled again
   * nevertheless. Called once for each kind of reason.
   */
  readonly onUnwelcome: (error: CodedError) => void;
  /** It does not want this device any more. */
  readonly onRefused: (error: CodedError) => void;
}

/**
 * What no further attempt would change. A name that is taken may be free again: whoever was let in
 * before does not give it up.
 */
const final: ReadonlySet<ErrorCode> = new Set(["MODEL_UNKNOWN", "PART_REFUSED", "TOKEN_REFUSED"]);
/** Between two attempts, in seconds: doubled each time. */
const pauses = { first: 0.1, last: 2 } as const;
/** For an address where nobody even refuses. */
const dialSeconds = 5;

/** Between two attempts to join anew. */
const renewalSeconds = 60;

/** A device's channel to the coordinator, dialled again for ever. To be started once it is open. */
export class ControlLink {
  readonly #options: ControlLinkOptions;
  readonly #stop = new AbortController();
  #channel: Channel | null = null;
  #first: [Channel, Welcome] | null = null;
  #frames = 0;
  #isBeating = false;
  /** A channel that is to take over from the one that stands; `null` in it: there is none. */
  #renewal: Promise<[Channel, Welcome] | null> = Promise.resolve(null);
  #renewedAt = Number.NEGATIVE_INFINITY;
  /** Why it was not let in, as far as that was told. */
  readonly #complaints = new Set<ErrorCode>();

  private constructor(options: ControlLinkOptions) {
    this.#options = options;
  }

  /**
   * Dials the coordinator for the first time.
   *
   * @throws CHANNEL_CLOSED if nobody answers; what the coordinator refuses with; IDENTITY_REFUSED
   */
  static async open(options: ControlLinkOptions): Promise<ControlLink> {
    const link = new ControlLink(options);
    link.#first = await link.#dial();
    return link;
  }

  /** From now on messages are taken and heartbeats sent. */
  start(): void {
    if (this.#first !== null) void this.#stay(...this.#first);
    this.#first = null;
  }

  get isUp(): boolean {
    return this.#channel !== null;
  }

  /** Tells the coordinator something; if it is away, nothing. */
  async tell(message: Message): Promise<void> {
    await this.#channel?.send(encodeMessage(message)).catch(() => undefined);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await (this.#channel ?? this.#first?.[0])?.close();
  }

  async #stay(first: Channel, welcome: Welcome): Promise<void> {
    for (let met: [Channel, Welcome] | null = [first, welcome]; met !== null; ) {
      const [channel, { heartbeatSeconds, missedHeartbeats }] = met;
      this.#channel = channel;
      this.#frames = 0;
      this.#options.onUp(channel !== first);
      const left = new AbortController();
      const silence = this.#beat(channel, { heartbeatSeconds, missedHeartbeats }, left.signal);
      const error = await Promise.race([this.#obey(channel), silence]);
      left.abort();
      this.#channel = null;
      // One that takes nothing any more must not hold up what follows.
      void channel.close();
      const renewed = await this.#renewal;
      this.#renewal = Promise.resolve(null);
      if (renewed === null && !this.#stop.signal.aborted) this.#options.onGone(error);
      met = renewed ?? (await this.#redial());
      if (this.#stop.signal.aborted) {
        void met?.[0].close();
        return;
      }
    }
  }

  /** Whoever joins twice as the same process replaces itself: the coordinator ends the old channel. */
  #renew(): void {
    const { clock, isStale } = this.#options;
    if (isStale?.() !== true || clock.now() - this.#renewedAt < renewalSeconds) return;
    this.#renewedAt = clock.now();
    this.#renewal = this.#dial().catch((error: unknown) => {
      this.#complain(error);
      return null;
    });
  }

  /** @returns why it is over */
  async #obey(channel: Channel): Promise<CodedError> {
    try {
      for await (const frame of channel) {
        this.#frames++;
        if (this.#stop.signal.aborted || this.#channel !== channel) break;
        await this.#options.onMessage(decodeMessage(frame));
      }
      const where = `the coordinator at ${this.#options.address}`;
      return new CodedError("CHANNEL_CLOSED", `${where} has closed the channel`);
    } catch (error) {
      if (error instanceof CodedError) return error;
      return new CodedError("CHANNEL_CLOSED", messageOf(error), {}, error);
    }
  }

  /** Sends heartbeats, until the coordinator was silent for too many of them. */
  async #beat(channel: Channel, liveness: Liveness, signal: AbortSignal): Promise<CodedError> {
    const { clock, address } = this.#options;
    void this.#sendHeartbeat(channel);
    return await new Promise((resolve) => {
      const onSilent = (silentSeconds: number) => {
        const silent = `the coordinator at ${address} was silent for ${silentSeconds.toFixed(1)} s`;
        resolve(new CodedError("CHANNEL_CLOSED", silent));
      };
      const onBeat = () => {
        this.#renew();
        if (!this.#isBeating) void this.#sendHeartbeat(channel);
      };
      const heard = () => this.#frames + (channel.heardBytes ?? 0);
      const options = { clock, liveness: () => liveness, heard, onBeat, onSilent };
      void watchLiveness(options, signal);
    });
  }

  async #sendHeartbeat(channel: Channel): Promise<void> {
    this.#isBeating = true;
    await channel.send(encodeMessage(this.#options.heartbeat())).catch(() => undefined);
    this.#isBeating = false;
  }

  async #redial(): Promise<[Channel, Welcome] | null> {
    const { clock, onRefused } = this.#options;
    for (
      let pause: number = pauses.first;
      !this.#stop.signal.aborted;
      pause = Math.min(2 * pause, pauses.last)
    ) {
      try {
        return await this.#dial();
      } catch (error) {
        if (this.#stop.signal.aborted) return null;
        if (error instanceof CodedError && final.has(error.code)) {
          onRefused(error);
          return null;
        }
        this.#complain(error);
      }
      await clock.sleep(seconds(pause), this.#stop.signal).catch(() => undefined);
    }
    return null;
  }

  /** That nobody answers is no news: what must not go unsaid is why somebody does in vain. */
  #complain(error: unknown): void {
    if (!(error instanceof CodedError) || error.code === "CHANNEL_CLOSED") return;
    if (this.#stop.signal.aborted || this.#complaints.has(error.code)) return;
    this.#complaints.add(error.code);
    this.#options.onUnwelcome(error);
  }

  async #dial(): Promise<[Channel, Welcome]> {
    const { clock, join, onWelcome } = this.#options;
    const channel = await this.#connect();
    const onStop = () => void channel.close();
    this.#stop.signal.addEventListener("abort", onStop, { once: true });
    try {
      const foreign = checkCoordinator(channel);
      if (foreign !== null) throw foreign;
      const welcome = await introduce(channel, clock, await join(), "welcome");
      await onWelcome(welcome);
      this.#complaints.clear();
      this.#stop.signal.throwIfAborted();
      return [channel, welcome];
    } catch (error) {
      void channel.close();
      throw error;
    } finally {
      this.#stop.signal.removeEventListener("abort", onStop);
    }
  }

  async #connect(): Promise<Channel> {
    const { transport, clock, address } = this.#options;
    const limit = limitTime(clock, dialSeconds);
    const onStop = () => limit.controller.abort(this.#stop.signal.reason);
    this.#stop.signal.addEventListener("abort", onStop, { once: true });
    try {
      return await transport.connect(address, { signal: limit.controller.signal });
    } finally {
      this.#stop.signal.removeEventListener("abort", onStop);
      limit.end();
    }
  }
}
