import type { Clock } from "../../base/clock.ts";
import { CodedError } from "../../base/errors.ts";
import type { Channel, Frame } from "../../transport/transport.ts";
import { type Liveness, watchLiveness } from "../liveness.ts";
import type { Message } from "../message.ts";
import { encodeMessage } from "../protocol.ts";

export interface LinkOptions {
  readonly channel: Channel;
  readonly clock: Clock;
  readonly isTunnelled: boolean;
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

  /** What still comes is not heard any more. */
  mute(): void {
    this.#over.abort();
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
        if (frame.header.type === "ping") this.tell({ type: "pong" });
        else if (frame.header.type !== "pong") this.#options.onFrame(frame);
      }
      this.#end(new CodedError("CHANNEL_CLOSED", `${this.channel.peer} closed the channel`), true);
    } catch (error) {
      this.#end(error, false);
    }
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
