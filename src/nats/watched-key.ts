import type { KV, KvEntry } from "@nats-io/kv";
import type { Breaks } from "./breaks.ts";

/**
 * What stands under a key of a bucket, now and whenever it changes, until the signal aborts or the
 * connection breaks: then it is to be watched anew.
 *
 * @throws what the library throws where it cannot be watched
 */
export async function* watchKey(
  bucket: KV,
  key: string,
  breaks: Breaks,
  signal: AbortSignal,
): AsyncGenerator<KvEntry> {
  let end = (): void => undefined;
  const ended = new Promise<null>((resolve) => {
    end = () => resolve(null);
  });
  const forget = breaks.on(end);
  signal.addEventListener("abort", end, { once: true });
  if (signal.aborted) end();
  const begun = bucket.watch({ key });
  const stop = (): void => void begun.then((watched) => watched.stop()).catch(() => undefined);
  void ended.then(stop);
  try {
    const watched = await Promise.race([begun, ended]);
    if (watched !== null) yield* watched;
  } finally {
    forget();
    signal.removeEventListener("abort", end);
    stop();
  }
}
