import type { Clock } from "../../base/clock.ts";
import { CodedError } from "../../base/errors.ts";
import type { Frame } from "../../transport/transport.ts";
import { Assembly, type AssemblyOptions } from "../assembly.ts";
import type { Heard, Standing, TensorMessage } from "../data-message.ts";
import { type Carrier, Outbox } from "../outbox.ts";
import { decodeMessage, type Received } from "../protocol.ts";

export interface TrafficOptions {
  readonly assembly?: AssemblyOptions;
  readonly clock: Clock;
  /** Another one for each pair of devices, kind of channel and process. */
  readonly life: string;
  readonly onMessage: (received: Received, transit: { readonly seconds: number }) => void;
}

/** How much may have been heard before the other side is told. */
const unsaid = { frames: 32, bytes: 1 << 20 };
/** Smaller tensors come in at once, which says nothing of a link; that larger ones are there is told. */
const tellingBytes = 1 << 16;
const rememberedTransfers = 9;

/** What two devices say to each other on one kind of channel, whatever channels it goes over. */
export class Traffic {
  readonly outbox: Outbox;
  readonly assembly: Assembly;
  readonly #options: TrafficOptions;
  #life: string;
  #lives = 0;
  /** The other side's life. */
  #heardOf: string | null = null;
  #heard = 0;
  #said = 0;
  #unsaidBytes = 0;
  #goodputs: readonly number[] = [];

  constructor(options: TrafficOptions) {
    this.#options = options;
    this.#life = options.life;
    this.outbox = new Outbox(options.clock);
    this.assembly = new Assembly(options.assembly);
  }

  /** Of what came in, the median of the last tensors that were large enough; `null`: none was. */
  get goodputBitsPerSecond(): number | null {
    const sorted = this.#goodputs.toSorted((a, b) => a - b);
    return sorted[sorted.length >> 1] ?? null;
  }

  /** Whether both sides remember each other as this standing says. */
  isContinued({ life, heardOf }: Standing): boolean {
    return life === this.#heardOf && heardOf === this.#life;
  }

  /** What to tell the other side when a channel begins. */
  standing(turn: number): Standing {
    return { life: this.#life, heardOf: this.#heardOf, heard: this.#heard, turn };
  }

  /** Begins anew under another name: the two sides do not agree on what was said. */
  renew(): void {
    this.#lives++;
    this.#life = `${this.#options.life}.${this.#lives}`;
  }

  /** What the other side has said when the channel began; before `standing` is told in reply. */
  meet({ life }: Standing): void {
    if (life === this.#heardOf) return;
    this.#heardOf = life;
    this.#heard = 0;
    this.#said = 0;
    this.assembly.forget(() => true);
  }

  /** Goes on over a channel, behind what the other side has heard. @throws FRAME_MALFORMED */
  open(carrier: Carrier, { heardOf, heard }: Standing): void {
    this.#said = this.#heard;
    this.#unsaidBytes = 0;
    // Who has heard nothing may have forgotten this side before it was told this life again.
    const isKnown = heardOf === this.#life && heard > 0;
    this.#agree(() => this.outbox.open(carrier, isKnown ? heard : null));
  }

  /**
   * Takes in a frame.
   *
   * @returns whether the other side is to be told how many frames were heard
   * @throws FRAME_MALFORMED, and what `onMessage` throws; the frame counts as heard
   */
  receive(frame: Frame): boolean {
    const bytes = frame.payload.byteLength;
    const now = this.#options.clock.now();
    if (frame.header.type !== "heard") this.#heard++;
    const received = decodeMessage(frame);
    const { message, payload } = received;
    const isTold = message.type === "tensor" && bytesThere(message, bytes) > tellingBytes;
    switch (message.type) {
      case "heard":
        this.#agree(() => this.outbox.acknowledge(message.frames));
        if (message.bitsPerSecond !== undefined) this.outbox.pace(message.bitsPerSecond);
        return false;
      case "tensor": {
        const arrival = frame.arrival ?? { beganSeconds: now, endedSeconds: now };
        const whole = this.assembly.accept({ message, payload }, arrival);
        if (whole !== null) {
          this.#measure(whole.received.payload.byteLength, whole.seconds);
          this.#options.onMessage(whole.received, { seconds: whole.seconds });
        }
        break;
      }
      default:
        this.#options.onMessage(received, { seconds: 0 });
    }
    this.#unsaidBytes += bytes;
    const unsaidFrames = this.#heard - this.#said;
    return isTold || unsaidFrames >= unsaid.frames || this.#unsaidBytes >= unsaid.bytes;
  }

  /** How many frames were heard, if the other side does not know, and how fast they come. */
  takeNews(): Heard | null {
    if (this.#heard === this.#said) return null;
    this.#said = this.#heard;
    this.#unsaidBytes = 0;
    const news = { type: "heard", frames: this.#heard } as const;
    const bitsPerSecond = this.goodputBitsPerSecond;
    return bitsPerSecond === null ? news : { ...news, bitsPerSecond };
  }

  /** Whoever has heard what was never said hears it all again, over the next channel. */
  #agree(acknowledge: () => void): void {
    try {
      acknowledge();
    } catch (error) {
      this.renew();
      throw error;
    }
  }

  close(): void {
    this.outbox.close(new CodedError("CHANNEL_CLOSED", "the channel was given up on this side"));
    this.assembly.forget(() => true);
  }

  #measure(bytes: number, seconds: number): void {
    if (bytes < tellingBytes || seconds <= 0) return;
    this.#goodputs = [...this.#goodputs.slice(1 - rememberedTransfers), (8 * bytes) / seconds];
  }
}

/** The bytes of a tensor of which the last piece has come, whether it was wanted or not; else 0. */
function bytesThere({ piece }: TensorMessage, bytes: number): number {
  if (piece === undefined) return bytes;
  return piece.offset + bytes >= piece.bytes ? piece.bytes : 0;
}
