import type { KV, KvEntry } from "@nats-io/kv";
import type { Clock } from "../base/clock.ts";
import { seconds } from "../base/units.ts";
import type { Breaks } from "./breaks.ts";
import { engineError, isOvertaken } from "./engine-error.ts";
import type { SharedCell, Sighting } from "./shared-cell.ts";
import { watchKey } from "./watched-key.ts";

/** Before a watch that broke is begun anew. */
const pauseSeconds = seconds(0.25);

/** A cell in a key of a bucket. */
export function kvCell(bucket: KV, key: string, clock: Clock, breaks: Breaks): SharedCell {
  const read = async (): Promise<Sighting> => {
    try {
      const entry = await bucket.get(key);
      if (entry === null) return { revision: 0, text: "" };
      return { revision: entry.revision, text: entry.operation === "PUT" ? entry.string() : "" };
    } catch (error) {
      throw engineError(`'${key}' cannot be read`, error);
    }
  };
  return {
    read,
    replace: async (revision, text) => {
      try {
        return await bucket.put(key, text, { previousSeq: revision });
      } catch (error) {
        if (isOvertaken(error)) return null;
        throw engineError(`'${key}' cannot be written`, error);
      }
    },
    watch: (signal) => watchOn(() => watchKey(bucket, key, breaks, signal), clock, signal),
  };
}

/** Begins anew whenever a watch ends. */
async function* watchOn(
  begin: () => AsyncIterable<KvEntry>,
  clock: Clock,
  signal: AbortSignal,
): AsyncIterable<Sighting> {
  while (!signal.aborted) {
    try {
      for await (const entry of begin()) {
        if (signal.aborted) return;
        const isThere = entry.operation === "PUT";
        yield { revision: entry.revision, text: isThere ? entry.string() : "" };
      }
    } catch {
      // The connection is made again by itself; then the watch can begin anew.
    }
    await clock.sleep(pauseSeconds, signal).catch(() => undefined);
  }
}
