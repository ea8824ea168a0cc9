import type { Clock } from "../../base/clock.ts";
import { bitsPerSecond, seconds } from "../../base/units.ts";
import { type PacedChannel, type PaceOptions, paceChannel } from "../../transport/paced.ts";
import { createPacer, type Pacer } from "../../transport/pacer.ts";
import type { Channel, Frame } from "../../transport/transport.ts";
import type { EmulatedLeg, Emulation } from "../control-message.ts";
import type { Carrier } from "../outbox.ts";

/** What a tensor of so many bytes weighs on its way to a device; `undefined`: what it has. */
export type Weights = (device: string, tensor: string, bytes: number) => number | undefined;

/** Capacities that are imitated: of links, and of media that several links share. */
export class PacedMedia {
  readonly #clock: Clock;
  readonly #pacers = new Map<string, Pacer>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  of(name: string): Pacer {
    const pacer = this.#pacers.get(name) ?? createPacer({ clock: this.#clock });
    this.#pacers.set(name, pacer);
    return pacer;
  }
}

/** Makes channels behave like the links that are imitated, which may change while frames wait. */
export class Pacing {
  readonly #clock: Clock;
  readonly #media: PacedMedia;
  #emulation: Emulation | null = null;
  #weights: Weights = () => undefined;

  /** @param media those of the device: channels of several models go over the same links */
  constructor(clock: Clock, media: PacedMedia = new PacedMedia(clock)) {
    this.#clock = clock;
    this.#media = media;
  }

  /** What is not on its way yet goes at these rates; `null`: as fast as it can. */
  emulate(emulation: Emulation | null, weights: Weights): void {
    this.#emulation = emulation;
    this.#weights = weights;
  }

  /** What sends to a device over a channel at the rate of the moment. */
  carry(device: string, channel: Channel): Carrier {
    let paced: PacedChannel | null = null;
    let beyond: PacedChannel | null = null;
    return {
      send: async (frame) => {
        const link = this.#emulation?.links.find(({ to }) => to === device);
        // Once frames fly, none may overtake them.
        if (link === undefined && paced === null) return await channel.send(frame);
        const options = this.#options(device, `to ${device}`, link ?? null);
        const onward = this.#options(device, `on to ${device}`, link?.beyond ?? null);
        // Only where there is a relay: each leg costs a copy.
        if (paced === null && this.#emulation?.links.some((other) => other.beyond !== null)) {
          beyond = paceChannel(channel, onward);
        }
        paced ??= paceChannel(beyond ?? channel, options);
        beyond?.change(onward);
        paced.change(options);
        return await paced.send(frame);
      },
    };
  }

  #options(device: string, own: string, leg: EmulatedLeg | null): PaceOptions {
    const options = { clock: this.#clock, bytesOf: (frame: Frame) => this.#weigh(device, frame) };
    if (leg === null) return options;
    return {
      ...options,
      bandwidthBitsPerSecond: bitsPerSecond(leg.bandwidthBitsPerSecond),
      latencySeconds: seconds(leg.latencySeconds),
      medium: this.#media.of(leg.medium === null ? own : `medium ${leg.medium}`),
    };
  }

  /**
   * A tensor may be lighter on its way than it is here: an input that travels as a picture. What is
   * really coded weighs what it came to, a piece its share, a probe all of it, and any other message
   * nothing.
   */
  #weigh(device: string, { header, payload }: Frame): number {
    if (header.type === "ping") return payload.byteLength;
    if (header.type !== "tensor") return 0;
    if ("codec" in header) return payload.byteLength;
    const { piece } = header as { readonly piece?: { readonly bytes: number } };
    const whole = piece?.bytes ?? payload.byteLength;
    const planned = this.#weights(device, String(header["tensor"]), whole);
    if (planned === undefined) return payload.byteLength;
    return piece === undefined ? planned : (planned * payload.byteLength) / whole;
  }
}
