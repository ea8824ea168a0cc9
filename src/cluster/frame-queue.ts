import type { Channel, Frame } from "../transport/transport.ts";

/** Sends frames over one channel, one after the other, so that whoever makes them need not wait. */
export class FrameQueue {
  readonly #channel: Channel;
  #last: Promise<unknown> = Promise.resolve();

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  /**
   * Resolves when the channel has taken the frame; its payload must stay untouched until then.
   *
   * @throws CHANNEL_CLOSED; FRAME_MALFORMED if it exceeds the limits for frames
   */
  async send(frame: Frame): Promise<void> {
    const taken = this.#last.then(() => this.#channel.send(frame));
    this.#last = taken.catch(() => undefined);
    await taken;
  }
}
