import type { Clock } from "../base/clock.ts";
import { type Seconds, seconds } from "../base/units.ts";
import type { Channel, Frame } from "../transport/transport.ts";

/** What became of a frame on its way out. */
export interface Sent {
  /** Behind the frames that were there before. */
  readonly queueSeconds: Seconds;
  /** Until the channel had taken it. */
  readonly sendSeconds: Seconds;
}

/**
 * Sends frames over one channel, one after the other, so that whoever makes them need not wait.
 *
 * It has no limit of its own: how many tensors can wait here follows from the number of requests in
 * flight. A smaller limit at each hop could lock up a circle of devices that all wait for room.
 */
export class Outbox {
  readonly channel: Channel;
  readonly #clock: Clock;
  #last: Promise<unknown> = Promise.resolve();

  constructor(channel: Channel, clock: Clock) {
    this.channel = channel;
    this.#clock = clock;
  }

  /**
   * Resolves when the channel has taken the frame; its payload must stay untouched until then.
   *
   * @throws CHANNEL_CLOSED; FRAME_MALFORMED if it exceeds the limits for frames
   */
  async send(frame: Frame): Promise<Sent> {
    const asked = this.#clock.now();
    const taken = this.#last.then(async () => {
      const start = this.#clock.now();
      await this.channel.send(frame);
      const end = this.#clock.now();
      return { queueSeconds: seconds(start - asked), sendSeconds: seconds(end - start) };
    });
    this.#last = taken.catch(() => undefined);
    return await taken;
  }
}
