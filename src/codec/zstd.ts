import { compress, decompress } from "@bokuweb/zstd-wasm";
import { messageOf } from "../base/errors.ts";
import { malformed, mostBytes, type Step } from "./step.ts";

/** The lowest level with entropy coding; higher ones take twice the time for a percent. */
const level = 1;

/** One frame of Zstandard for each block. */
export const zstd: Step = {
  forward: (block) => compress(block, level),
  back: (coded, rawBytes) => {
    const bytes = contentBytes(coded);
    if (bytes === null || bytes > mostBytes(rawBytes)) {
      throw malformed(`a block says that it holds ${bytes ?? "an unknown number of"} bytes`);
    }
    try {
      return decompress(coded);
    } catch (error) {
      throw malformed(messageOf(error));
    }
  },
};

/**
 * What a frame says that it holds, which the library takes memory for; `null`: it does not say.
 *
 * @see RFC 8878, section 3.1.1.1, "Frame_Header"
 */
function contentBytes(frame: Uint8Array): number | null {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (frame.byteLength < 6 || view.getUint32(0, true) !== 0xfd2fb528) {
    throw malformed("a block is no Zstandard frame");
  }
  const descriptor = view.getUint8(4);
  const isSingle = (descriptor & 0x20) !== 0;
  const sizeBytes = [isSingle ? 1 : 0, 2, 4, 8][descriptor >>> 6] as number;
  const at = 5 + (isSingle ? 0 : 1) + ([0, 1, 2, 4][descriptor & 3] as number);
  if (frame.byteLength < at + sizeBytes) throw malformed("a Zstandard frame is cut off");
  if (sizeBytes === 0) return null;
  if (sizeBytes === 1) return view.getUint8(at);
  if (sizeBytes === 2) return view.getUint16(at, true) + 256;
  return sizeBytes === 4 ? view.getUint32(at, true) : Number(view.getBigUint64(at, true));
}
