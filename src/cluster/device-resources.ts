import type { Clock } from "../base/clock.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { type AssemblyBudget, assemblyBudget } from "./assembly.ts";
import { BlobFetcher } from "./blob-fetcher.ts";
import { type BlobStore, memoryBlobStore } from "./blob-store.ts";
import { Keeper } from "./keeper.ts";
import { PacedMedia } from "./neighbours/pacing.ts";
import { PartLoader } from "./part-loader.ts";
import { Processor } from "./processor.ts";

export interface DeviceResourcesOptions {
  /** The device's name. */
  readonly name: string;
  readonly clock: Clock;
  readonly runtime: Runtime;
  readonly cores: number;
  /** What parts of all models may use; `null`: not limited. */
  readonly memoryBytes: number | null;
  /** What tensors may use that are kept for replays. Default: a quarter of the memory, or 256 MiB. */
  readonly keptBytes?: number;
  /** Blobs that are here already; those that arrive are added. Default: none, in memory. */
  readonly blobs?: BlobStore;
}

/** What one model has of a device. */
export interface Tenancy {
  readonly processor: Processor;
  readonly keeper: Keeper;
  /** Whoever has loaded something has let go of it before. */
  leave(): Promise<void>;
}

const defaultKeptBytes = 2 ** 28;

/** What a device has, for all models that run on it: one memory, one processor, one of each link. */
export class DeviceResources {
  readonly blobs: BlobStore;
  readonly fetcher: BlobFetcher;
  readonly loader: PartLoader;
  readonly assembly: AssemblyBudget;
  readonly media: PacedMedia;
  readonly #processor: Processor;
  readonly #keptBytes: number;
  readonly #keepers = new Set<Keeper>();

  constructor(options: DeviceResourcesOptions) {
    const { name: device, clock, runtime, cores, memoryBytes } = options;
    this.blobs = options.blobs ?? memoryBlobStore();
    const { blobs } = this;
    this.fetcher = new BlobFetcher(blobs);
    this.loader = new PartLoader({ device, cores, memoryBytes, runtime, blobs, clock });
    this.assembly = assemblyBudget(memoryBytes);
    this.media = new PacedMedia(clock);
    this.#processor = new Processor(clock);
    const keptBytes = memoryBytes === null ? defaultKeptBytes : memoryBytes / 4;
    this.#keptBytes = options.keptBytes ?? keptBytes;
  }

  /** One more model; what all may keep for replays is shared evenly. */
  enter(): Tenancy {
    const keeper = new Keeper(0);
    this.#keepers.add(keeper);
    this.#share();
    return { processor: this.#processor.sibling(), keeper, leave: () => this.#leave(keeper) };
  }

  async #leave(keeper: Keeper): Promise<void> {
    this.#keepers.delete(keeper);
    this.#share();
    if (this.#keepers.size === 0) await this.loader.clear();
    else await this.loader.forget(keeper);
  }

  #share(): void {
    for (const keeper of this.#keepers) keeper.limitBytes = this.#keptBytes / this.#keepers.size;
  }
}
