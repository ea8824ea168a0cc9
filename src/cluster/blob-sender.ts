import type { Channel } from "../transport/transport.ts";
import { encodeMessage } from "./protocol.ts";

/** Bytes of a blob that travel in one frame: small enough for other messages to get in between. */
export const pieceBytes: number = 1 << 20;

/** Sends a blob in pieces, from an offset on; an empty one is one empty piece. @throws CHANNEL_CLOSED */
export async function sendBlob(
  channel: Channel,
  sha256: string,
  bytes: Uint8Array,
  from: number,
  onSent: (offset: number) => void = () => undefined,
): Promise<void> {
  let offset = from;
  do {
    const piece = bytes.slice(offset, offset + pieceBytes) as Uint8Array<ArrayBuffer>;
    await channel.send(encodeMessage({ type: "blob", sha256, offset }, piece));
    offset += pieceBytes;
    onSent(Math.min(offset, bytes.byteLength));
  } while (offset < bytes.byteLength);
}
