import type { ObjectStore } from "@nats-io/obj";
import type { BlobDepot, StockedBlob } from "../cluster/blob-depot.ts";
import { engineError } from "./engine-error.ts";

/** Blobs are kept in objects of so many bytes: what one agent holds of them, and loses at a break. */
const pieceBytes = 1 << 22;

/** Keeps the blobs of parts in an object store, for all devices. */
export function partsDepot(store: ObjectStore): BlobDepot {
  const stocked = new Set<string>();
  return {
    stock: async (blobs) => {
      try {
        for (const blob of blobs) {
          if (stocked.has(blob.sha256)) continue;
          await stockBlob(store, blob);
          stocked.add(blob.sha256);
        }
      } catch (error) {
        throw engineError("a part cannot be kept", error);
      }
    },
    fetch: async (sha256, from, take, signal) => {
      let offset = from;
      for (;;) {
        const index = Math.floor(offset / pieceBytes);
        const piece = await readObject(store, nameOf(sha256, index), signal);
        const fresh = piece?.subarray(offset - index * pieceBytes);
        if (piece === null || fresh === undefined || fresh.byteLength === 0) return offset;
        await take(offset, fresh);
        offset += fresh.byteLength;
        if (piece.byteLength < pieceBytes) return offset;
      }
    },
  };
}

/** The last piece comes last: where it is, all are. */
async function stockBlob(store: ObjectStore, { sha256, bytes }: StockedBlob): Promise<void> {
  const last = Math.max(0, Math.ceil(bytes.byteLength / pieceBytes) - 1);
  const found = await store.info(nameOf(sha256, last));
  if (found !== null && !found.deleted) return;
  for (let index = 0; index <= last; index++) {
    const piece = bytes.subarray(index * pieceBytes, (index + 1) * pieceBytes);
    await store.putBlob({ name: nameOf(sha256, index) }, piece);
  }
}

function nameOf(sha256: string, index: number): string {
  return `${sha256}.${index}`;
}

/** Of an object's stream, which is no global of all hosts. */
interface Reader {
  read(): Promise<{ readonly value?: Uint8Array | undefined }>;
  cancel(): Promise<void>;
}

/** What an object holds; `null`: there is none. @throws why it ends before, and the signal's reason */
async function readObject(
  store: ObjectStore,
  name: string,
  signal: AbortSignal,
): Promise<Uint8Array | null> {
  signal.throwIfAborted();
  const found = await store.get(name);
  if (found === null) return null;
  // The stream says it, too.
  found.error.catch(() => undefined);
  const reader: Reader = found.data.getReader();
  const cancel = (): void => void reader.cancel().catch(() => undefined);
  signal.addEventListener("abort", cancel, { once: true });
  try {
    signal.throwIfAborted();
    const content = new Uint8Array(Math.min(found.info.size, pieceBytes));
    for (let at = 0; ; ) {
      const { value } = await reader.read();
      // One that was given up ends as if it were whole.
      signal.throwIfAborted();
      if (value === undefined) return content.subarray(0, at);
      content.set(value, at);
      at += value.byteLength;
    }
  } finally {
    signal.removeEventListener("abort", cancel);
    cancel();
  }
}
