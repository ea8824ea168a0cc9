import type { Clock } from "../base/clock.ts";
import { Alarm } from "./alarm.ts";
import type { BlobDepot } from "./blob-depot.ts";
import type { BlobFetcher } from "./blob-fetcher.ts";
import type { Want } from "./control-message.ts";

type WantedBlob = Want["body"]["blobs"][number];

export interface BlobSupplyOptions {
  readonly clock: Clock;
  readonly fetcher: BlobFetcher;
  /** `null`: the coordinator has everything. */
  readonly depot: Pick<BlobDepot, "fetch"> | null;
  readonly askCoordinator: (generation: number, blobs: readonly WantedBlob[]) => void;
}

/** So many blobs are fetched at once. */
const atOnce = 4;
/** A depot that has given nothing for so long gives nothing any more. */
const patienceSeconds = 20;

/** Gets what is missing here: from the depot if there is one, and what that does not have from the coordinator. */
export class BlobSupply {
  readonly #options: BlobSupplyOptions;
  /** Downloads that are under way. */
  readonly #downloads = new Set<AbortController>();

  constructor(options: BlobSupplyOptions) {
    this.#options = options;
  }

  /** @returns what asks for blobs on behalf of a generation, again for those that came damaged */
  for(generation: number): (blobs: readonly WantedBlob[]) => void {
    const { depot, askCoordinator } = this.#options;
    if (depot === null) return (blobs) => askCoordinator(generation, blobs);
    const tried = new Set<string>();
    /** Of these the depot's copy is of no use. */
    const damaged = new Set<string>();
    return (blobs) => {
      const fresh = blobs.filter(({ sha256 }) => !tried.has(sha256));
      const again = blobs.filter(({ sha256 }) => tried.has(sha256));
      for (const { sha256 } of fresh) tried.add(sha256);
      for (const { sha256 } of again) damaged.add(sha256);
      if (again.length > 0) askCoordinator(generation, again);
      void this.#fetchAll(depot, fresh, damaged).then((missing) => {
        if (missing.length > 0) askCoordinator(generation, missing);
      });
    };
  }

  /** Gives up what is under way. */
  close(): void {
    for (const download of this.#downloads) download.abort();
  }

  /** @returns what is still missing, each from where the depot ended */
  async #fetchAll(
    depot: Pick<BlobDepot, "fetch">,
    blobs: readonly WantedBlob[],
    damaged: ReadonlySet<string>,
  ): Promise<WantedBlob[]> {
    const { fetcher } = this.#options;
    const missing: WantedBlob[] = [];
    const queue = blobs.values();
    const isWanted = (sha256: string) => fetcher.awaits(sha256) && !damaged.has(sha256);
    const work = async (): Promise<void> => {
      for (const { sha256, offset } of queue) {
        const reached = await this.#download(depot, sha256, offset, () => isWanted(sha256));
        if (isWanted(sha256)) missing.push({ sha256, offset: reached });
      }
    };
    await Promise.all(Array.from({ length: atOnce }, work));
    return missing;
  }

  /** @returns how far it came, when it has ended or nothing comes any more */
  async #download(
    depot: Pick<BlobDepot, "fetch">,
    sha256: string,
    offset: number,
    isWanted: () => boolean,
  ): Promise<number> {
    const { clock, fetcher } = this.#options;
    const over = new AbortController();
    this.#downloads.add(over);
    const { signal } = over;
    const ended = new Promise<void>((resolve) => {
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
    const alarm = new Alarm(clock, () => over.abort());
    let reached = offset;
    const take = async (at: number, piece: Uint8Array): Promise<void> => {
      if (!isWanted()) over.abort();
      signal.throwIfAborted();
      await fetcher.accept({ type: "blob", sha256, offset: at }, piece);
      reached = at + piece.byteLength;
      if (!signal.aborted) alarm.set(clock.now() + patienceSeconds);
    };
    alarm.set(clock.now() + patienceSeconds);
    // Where the engine is away, the coordinator may still be there.
    const fetched = depot.fetch(sha256, offset, take, signal).catch(() => undefined);
    await Promise.race([fetched, ended]);
    alarm.clear();
    over.abort();
    this.#downloads.delete(over);
    return reached;
  }
}
