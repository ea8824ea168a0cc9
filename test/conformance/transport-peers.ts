import { createRandom } from "../../src/base/random.ts";
import type { Channel, Frame, Transport } from "../../src/transport/transport.ts";

/** A stranger who can say any bytes, and be gone without closing. */
export interface RawPeer {
  write(bytes: Uint8Array): void;
  /** Ends the stream of bytes in good order. */
  end(): void;
  /** Is gone as a machine that lost its power. */
  reset(): void;
}

export interface TransportUnderTest {
  readonly transport: Transport;
  /** Where `listen` finds a free place of its own. */
  readonly anyAddress: string;
  /** Where nobody listens. */
  readonly deserted: string;
  /** Speaks bytes to a listener, or says why that is impossible here. */
  readonly rawDial: ((address: string) => Promise<RawPeer>) | { readonly impossible: string };
}

export type Make = () => TransportUnderTest | Promise<TransportUnderTest>;

/** What comes next; a loop that is left loses nothing. */
export async function first<T>(items: AsyncIterable<T>): Promise<T> {
  for await (const item of items) return item;
  throw new Error("nothing came");
}

/** Until the channel ends. */
export async function takeAll(channel: Channel): Promise<Frame[]> {
  const frames: Frame[] = [];
  for await (const frame of channel) frames.push(frame);
  return frames;
}

/** The same bytes each time. */
export function noise(bytes: number): Uint8Array<ArrayBuffer> {
  const random = createRandom(bytes);
  return new Uint8Array(bytes).map(() => random.integer(256));
}
