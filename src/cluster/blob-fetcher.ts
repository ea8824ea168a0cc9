import { CodedError, isCoded } from "../base/errors.ts";
import type { BlobStore } from "./blob-store.ts";
import type { Blob, BlobReference, Want } from "./control-message.ts";

type WantedBlob = Want["body"]["blobs"][number];

/** So often a blob is fetched again that came damaged. */
const mostRefusals = 3;

/** One fetch: what it still lacks, how often each of that came damaged meanwhile, and whom to tell. */
interface Fetch {
  readonly lacking: Map<string, number>;
  readonly ask: (blobs: readonly WantedBlob[]) => void;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

interface Arriving {
  readonly bytes: number;
  readonly fetches: Set<Fetch>;
}

/**
 * Brings blobs into a store: asks for what is missing, from where it broke off, and again if it came
 * damaged. All that share a store share its fetcher: what one is sent is there for all.
 */
export class BlobFetcher {
  readonly #store: BlobStore;
  readonly #arriving = new Map<string, Arriving>();

  constructor(store: BlobStore) {
    this.#store = store;
  }

  /**
   * Resolves when all of these are here.
   *
   * @param ask called once with what is missing, perhaps nothing, and again for each that came damaged
   * @throws PART_REFUSED if one comes damaged again and again; FILE_WRITE_FAILED; the signal's reason
   */
  async fetch(
    references: readonly BlobReference[],
    ask: (blobs: readonly WantedBlob[]) => void,
    signal: AbortSignal,
  ): Promise<void> {
    signal.throwIfAborted();
    const distinct = new Map(references.map(({ sha256, bytes }) => [sha256, bytes]));
    const { promise, resolve, reject } = deferred();
    const lacking = new Map([...distinct.keys()].map((sha256) => [sha256, 0]));
    const fetch: Fetch = { lacking, ask, resolve, reject };
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      for (const [sha256, bytes] of distinct) this.#expect(sha256, bytes, fetch);
      await Promise.race([promise, this.#askFor(distinct, fetch)]);
      if (fetch.lacking.size > 0) await promise;
    } finally {
      signal.removeEventListener("abort", onAbort);
      for (const sha256 of distinct.keys()) this.#forgo(sha256, fetch);
    }
  }

  /** Whether somebody waits for more of this blob. */
  awaits(sha256: string): boolean {
    return this.#arriving.has(sha256);
  }

  /** Keeps blobs in the store, those that come later as well, until what this returns is called. */
  hold(references: readonly BlobReference[]): () => void {
    return this.#store.pin(references.map(({ sha256 }) => sha256));
  }

  /** Whether all of these are here now. @throws PART_REFUSED if one has another length */
  async hasAll(references: readonly BlobReference[]): Promise<boolean> {
    for (const { sha256, bytes } of references) {
      if ((await this.#store.progress(sha256, bytes)) !== bytes) return false;
    }
    return true;
  }

  /**
   * Takes a piece; one that nobody waits for is ignored.
   *
   * @throws FRAME_MALFORMED if it lies outside of its blob
   */
  async accept({ sha256, offset }: Blob, piece: Uint8Array): Promise<void> {
    const arriving = this.#arriving.get(sha256);
    if (arriving === undefined) return;
    try {
      if (await this.#store.write(sha256, arriving.bytes, offset, piece)) this.#complete(sha256);
    } catch (error) {
      if (isCoded(error) && error.code === "FRAME_MALFORMED") throw error;
      this.#refuse(sha256, arriving, error);
    }
  }

  async #askFor(references: ReadonlyMap<string, number>, fetch: Fetch): Promise<void> {
    const missing: WantedBlob[] = [];
    for (const [sha256, bytes] of references) {
      const offset = await this.#store.progress(sha256, bytes);
      if (offset === bytes) this.#found(sha256, fetch);
      else missing.push({ sha256, offset });
    }
    fetch.ask(missing.filter(({ sha256 }) => fetch.lacking.has(sha256)));
  }

  #expect(sha256: string, bytes: number, fetch: Fetch): void {
    const arriving = this.#arriving.get(sha256) ?? { bytes, fetches: new Set() };
    if (arriving.bytes !== bytes) {
      const lengths = `${bytes} and ${arriving.bytes}`;
      throw new CodedError("PART_REFUSED", `blob ${sha256} was announced with ${lengths} bytes`, {
        sha256,
      });
    }
    arriving.fetches.add(fetch);
    this.#arriving.set(sha256, arriving);
  }

  #found(sha256: string, fetch: Fetch): void {
    fetch.lacking.delete(sha256);
    this.#forgo(sha256, fetch);
    if (fetch.lacking.size === 0) fetch.resolve();
  }

  #forgo(sha256: string, fetch: Fetch): void {
    const arriving = this.#arriving.get(sha256);
    arriving?.fetches.delete(fetch);
    if (arriving?.fetches.size === 0) this.#arriving.delete(sha256);
  }

  #complete(sha256: string): void {
    for (const fetch of [...(this.#arriving.get(sha256)?.fetches ?? [])])
      this.#found(sha256, fetch);
  }

  #refuse(sha256: string, arriving: Arriving, error: unknown): void {
    const isDamaged = isCoded(error) && error.code === "PART_REFUSED";
    for (const fetch of [...arriving.fetches]) {
      const refusals = (fetch.lacking.get(sha256) ?? 0) + 1;
      fetch.lacking.set(sha256, refusals);
      if (!isDamaged || refusals > mostRefusals) fetch.reject(error);
      // Each: whoever is asked for one of them may be gone.
      else fetch.ask([{ sha256, offset: 0 }]);
    }
  }
}

function deferred(): {
  promise: Promise<void>;
  resolve: () => void;
  reject: (error: unknown) => void;
} {
  let resolve: () => void = () => undefined;
  let reject: (error: unknown) => void = () => undefined;
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  // Whoever gave up does not look at it.
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}
