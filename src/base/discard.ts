const { port1: nowhere, port2 } = new MessageChannel();
port2.close();

/**
 * Gives back the memory of bytes that nobody uses any more, at once. Left to the garbage collector
 * some tensors a second make it run all the time: it counts memory outside its own heap, too, and
 * walks over all of the heap to get it back. The next tensor finds memory that was used before, which
 * costs less than fresh pages.
 *
 * Does nothing to a view of a part of a buffer, nor to what was given back before. From then on the
 * bytes have length 0.
 */
export function discard({ buffer, byteLength }: Uint8Array<ArrayBuffer>): void {
  // What is transferred to a port that is closed is lost, as the HTML standard has it.
  if (byteLength > 0 && byteLength === buffer.byteLength) nowhere.postMessage(null, [buffer]);
}
