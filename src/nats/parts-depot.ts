import type { ObjectStore } from "@nats-io/obj";
import type { Clock } from "../base/clock.ts";
import { CodedError } from "../base/errors.ts";
import { seconds } from "../base/units.ts";
import type { BlobDepot, StockedBlob } from "../cluster/blob-depot.ts";
import { unavailable } from "./engine-error.ts";

/** Blobs are kept in objects of so many bytes: what one agent holds of them, and loses at a break. */
const pieceBytes = 1 << 22;
/** A piece that takes longer is asked for elsewhere. */
const patienceSeconds = seconds(20);

/** Keeps the blobs of parts in an object store, for all devices. */
export function partsDepot(store: ObjectStore, clock: Clock): BlobDepot {
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
        throw unavailable("a part cannot be kept", error);
      }
    },
    fetch: async (sha256, from, take) => {
      let offset = from;
      for (;;) {
        const index = Math.floor(offset / pieceBytes);
        const piece = await inTime(clock, store.getBlob(nameOf(sha256, index)));
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

async function inTime<T>(clock: Clock, task: Promise<T>): Promise<T> {
  const done = new AbortController();
  const late = clock.sleep(patienceSeconds, done.signal).then(() => {
    throw new CodedError("ENGINE_UNAVAILABLE", `NATS: a piece of a part took ${patienceSeconds} s`);
  });
  late.catch(() => undefined);
  return await Promise.race([task, late]).finally(() => done.abort());
}
