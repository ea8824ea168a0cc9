/**
 * Tensors of strings as bytes: each element behind its length in 4 bytes, little-endian, in UTF-8.
 *
 * @module
 */
import { CodedError } from "../base/errors.ts";

/** Bytes in front of each element. */
export const lengthBytes = 4;

/**
 * The elements, as views.
 *
 * @param tensor its name, for messages
 * @throws TENSOR_MALFORMED if one is cut off
 */
export function* stringElements(
  tensor: string,
  data: Uint8Array<ArrayBuffer>,
): Generator<Uint8Array<ArrayBuffer>> {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  for (let at = 0; at < data.byteLength; ) {
    const start = at + lengthBytes;
    const end = start <= data.byteLength ? start + view.getUint32(at, true) : start;
    if (end > data.byteLength) {
      throw new CodedError(
        "TENSOR_MALFORMED",
        `an element of '${tensor}' begins at byte ${at} and ends behind the last of ${data.byteLength}; each is to stand behind its length in ${lengthBytes} bytes, little-endian`,
        { tensor, at, bytes: data.byteLength },
      );
    }
    yield data.subarray(start, end);
    at = end;
  }
}

/** The bytes of a tensor with these elements. */
export function packStrings(elements: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const total = elements.reduce((bytes, element) => bytes + lengthBytes + element.byteLength, 0);
  const data = new Uint8Array(total);
  const view = new DataView(data.buffer);
  let at = 0;
  for (const element of elements) {
    view.setUint32(at, element.byteLength, true);
    data.set(element, at + lengthBytes);
    at += lengthBytes + element.byteLength;
  }
  return data;
}
