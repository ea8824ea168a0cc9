import type { Clock } from "../../base/clock.ts";
import { CodedError } from "../../base/errors.ts";
import { type Seconds, seconds } from "../../base/units.ts";
import type { Channel, Frame } from "../../transport/transport.ts";
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

/** One channel to a device while it stands: it listens, and asks now and then whether anybody is there. */
export class Link {
  readonly channel: Channel;
  readonly isTunnelled: boolean;
  readonly #options: LinkOptions;
  readonly #over = new AbortController();
  #frames = 0;
  readonly #echoes = new Map<number, (isThrough: boolean) => void>();
  #probes = 0;

  constructor(options: LinkOptions) {
    this.channel = options.channel;
    this.isTunnelled = options.isTunnelled;
    this.#options = options;
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
  async probe(bytes: number): Promise<Seconds> {
    const { clock, carrier } = this.#options;
    const { signal } = this.#over;
    const probe = ++this.#probes;
    const start = clock.now();
    const echoed = new Promise<boolean>((resolve) => {
      this.#echoes.set(probe, resolve);
    });
    await carrier.send(encodeMessage({ type: "ping", probe }, new Uint8Array(bytes)));
    const isThrough = !signal.aborted && (await echoed);
    this.#echoes.delete(probe);
    if (isThrough) return seconds(clock.now() - start);
    throw new CodedError("CHANNEL_CLOSED", `${this.channel.peer} went away before it echoed`);
  }

  /** What still comes is not heard any more. */
  mute(): void {
    this.#over.abort();
    for (const resolve of this.#echoes.values()) resolve(false);
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
    if (message.type === "pong" && message.probe !== undefined)
      this.#echoes.get(message.probe)?.(true);
    if (message.type !== "ping") return;
    const { probe } = message;
    if (probe === undefined) this.tell({ type: "pong" });
    else void this.#options.carrier.send(encodeMessage({ type: "pong", probe })).catch(() => {});
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
