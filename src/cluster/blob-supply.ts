import type { BlobDepot } from "./blob-depot.ts";
import type { BlobFetcher } from "./blob-fetcher.ts";
import type { Want } from "./control-message.ts";

type WantedBlob = Want["body"]["blobs"][number];

export interface BlobSupplyOptions {
  readonly fetcher: BlobFetcher;
  /** `null`: the coordinator has everything. */
  readonly depot: Pick<BlobDepot, "fetch"> | null;
  readonly askCoordinator: (generation: number, blobs: readonly WantedBlob[]) => void;
}

/** So many blobs are fetched at once. */
const atOnce = 4;

/** Gets what is missing here: from the depot if there is one, and what that does not have from the coordinator. */
export class BlobSupply {
  readonly #options: BlobSupplyOptions;

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

  /** @returns what is still missing, each from where the depot ended */
  async #fetchAll(
    depot: Pick<BlobDepot, "fetch">,
    blobs: readonly WantedBlob[],
    damaged: ReadonlySet<string>,
  ): Promise<WantedBlob[]> {
    const { fetcher } = this.#options;
    const missing: WantedBlob[] = [];
    const queue = blobs.values();
    const work = async (): Promise<void> => {
      for (const { sha256, offset } of queue) {
        let reached = offset;
        const take = async (at: number, piece: Uint8Array): Promise<void> => {
          await fetcher.accept({ type: "blob", sha256, offset: at }, piece);
          reached = at + piece.byteLength;
        };
        // Where the engine is away, the coordinator may still be there.
        await depot.fetch(sha256, offset, take).catch(() => undefined);
        if (fetcher.awaits(sha256) && !damaged.has(sha256)) {
          missing.push({ sha256, offset: reached });
        }
      }
    };
    await Promise.all(Array.from({ length: atOnce }, work));
    return missing;
  }
}
