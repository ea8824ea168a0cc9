import type { Clock } from "../../base/clock.ts";
import { CodedError } from "../../base/errors.ts";
import type { Arriving, Channel, Frame } from "../../transport/transport.ts";
import type { Pong } from "../data-message.ts";
import { type Liveness, watchLiveness } from "../liveness.ts";
import type { Message } from "../message.ts";
import type { Carrier } from "../outbox.ts";
import { decodeMessage, encodeMessage } from "../protocol.ts";

export interface LinkOptions {
  readonly channel: Channel;
  readonly clock: Clock;
  readonly isTunnelled: boolean;
  /** The channel as a link that may be imitated. */
  readonly carrier: Carrier;
  readonly liveness: () => Liveness;
  /** Called for each frame but pings and pongs. What it throws ends the link. */
  readonly onFrame: (frame: Frame) => void;
  readonly onBeat: () => void;
  /** Called once, unless the link was muted before; `isOrderly`: the other side has closed it. */
  readonly onEnd: (error: unknown, isOrderly: boolean) => void;
}

/** More than what is said on a channel to keep it alive comes to while nobody measures. */
const noticedBytes = 1 << 16;

/** What came in less was there at once, for the other side. */
const leastArrivalSeconds = 2e-3;

/** How long a probe took. */
export interface Echo {
  /** Until the other side's answer was here. */
  readonly echoSeconds: number;
  /** The slower of sending it and of its coming in; `null`: nobody sees it come in. */
  readonly transitSeconds: number | null;
}

/** One channel to a device while it stands: it listens, and asks now and then whether anybody is there. */
export class Link {
  readonly channel: Channel;
  readonly isTunnelled: boolean;
  readonly #options: LinkOptions;
  readonly #over = new AbortController();
  #frames = 0;
  readonly #echoes = new Map<number, (pong: Pong | null) => void>();
  #isRevived = false;
  #probes = 0;
  #probesHeard = 0;

  constructor(options: LinkOptions) {
    this.channel = options.channel;
    this.isTunnelled = options.isTunnelled;
    this.#options = options;
  }

  /** Aborted when nothing is heard or said any more. */
  get ended(): AbortSignal {
    return this.#over.signal;
  }

  /** Whether an echo is waited for on this side. */
  get isProbing(): boolean {
    return this.#echoes.size > 0;
  }

  /** Grows while it is used: with who needs it no longer, each probe of either side, and all that comes. */
  get uses(): number {
    return (
      this.#probes + this.#probesHeard + Math.floor((this.channel.heardBytes ?? 0) / noticedBytes)
    );
  }

  /** What has come of a frame that is not all here; `null`: there is none. */
  get arriving(): Arriving | null {
    return this.channel.arriving ?? null;
  }

  /** Whether it was needed anew when it stood idle: the other side may end it just then. */
  get isRevived(): boolean {
    return this.#isRevived;
  }

  /** Somebody here needs it again. */
  revive(): void {
    this.#isRevived = true;
  }

  /** Somebody here has needed it until now. */
  use(): void {
    this.#probes++;
  }

  start(): void {
    const { clock, liveness, onBeat, channel } = this.#options;
    void this.#listen();
    void watchLiveness(
      {
        clock,
        liveness,
        heard: () => this.#frames + (channel.heardBytes ?? 0),
        onBeat: (isSilent) => {
          if (isSilent) this.tell({ type: "ping" });
          onBeat();
        },
        onSilent: (silentSeconds) => this.#end(silent(channel, silentSeconds), false),
      },
      this.#over.signal,
    );
  }

  /** Says something that nobody misses if it is lost. */
  tell(message: Message): void {
    void this.channel.send(encodeMessage(message)).catch(() => undefined);
  }

  /**
   * Sends so many bytes and waits until the other side has said that they came.
   *
   * @throws CHANNEL_CLOSED
   */
  async probe(bytes: number): Promise<Echo> {
    const { clock, carrier } = this.#options;
    const probe = ++this.#probes;
    const start = clock.now();
    const echoed = new Promise<Pong | null>((resolve) => {
      this.#echoes.set(probe, resolve);
    });
    try {
      await carrier.send(encodeMessage({ type: "ping", probe }, new Uint8Array(bytes)));
      const sendSeconds = clock.now() - start;
      const pong = this.#over.signal.aborted ? null : await echoed;
      if (pong !== null) {
        const { seconds: arrival } = pong;
        // Seen in one go, as what fits into one record of TLS is, they may have come in any time.
        const isSeen = arrival !== undefined && arrival >= leastArrivalSeconds;
        const transitSeconds = isSeen ? Math.max(sendSeconds, arrival) : null;
        return { echoSeconds: clock.now() - start, transitSeconds };
      }
    } finally {
      this.#echoes.delete(probe);
    }
    throw new CodedError("CHANNEL_CLOSED", `${this.channel.peer} went away before it echoed`);
  }

  /** What still comes is not heard any more. */
  mute(): void {
    this.#over.abort();
    for (const resolve of this.#echoes.values()) resolve(null);
  }

  close(): Promise<void> {
    this.mute();
    return this.channel.close();
  }

  async #listen(): Promise<void> {
    try {
      for await (const frame of this.channel) {
        if (this.#over.signal.aborted) return;
        this.#frames++;
        this.#take(frame);
      }
      this.#end(new CodedError("CHANNEL_CLOSED", `${this.channel.peer} closed the channel`), true);
    } catch (error) {
      this.#end(error, false);
    }
  }

  #take(frame: Frame): void {
    const { type } = frame.header;
    if (type !== "ping" && type !== "pong") {
      this.#options.onFrame(frame);
      return;
    }
    const { message } = decodeMessage(frame);
    if (message.type === "pong" && message.probe !== undefined) {
      this.#echoes.get(message.probe)?.(message);
    }
    if (message.type !== "ping") return;
    if (message.probe === undefined) this.tell({ type: "pong" });
    else this.#echo(message.probe, frame);
  }

  #echo(probe: number, { arrival }: Frame): void {
    this.#probesHeard++;
    const pong: Pong = { type: "pong", probe };
    const timed = arrival && { ...pong, seconds: arrival.endedSeconds - arrival.beganSeconds };
    void this.#options.carrier.send(encodeMessage(timed ?? pong)).catch(() => undefined);
  }

  #end(error: unknown, isOrderly: boolean): void {
    if (this.#over.signal.aborted) return;
    void this.close();
    this.#options.onEnd(error, isOrderly);
  }
}

function silent({ peer }: Channel, silentSeconds: number): CodedError {
  const message = `${peer} has said nothing for ${silentSeconds.toFixed(1)} s`;
  return new CodedError("CHANNEL_CLOSED", message, { peer, silentSeconds });
}
