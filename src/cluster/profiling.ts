import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import type { Clock } from "../base/clock.ts";
import { CodedError } from "../base/errors.ts";
import { formatQuantity, seconds } from "../base/units.ts";
import type { Channel } from "../transport/transport.ts";
import type { BlobFetcher } from "./blob-fetcher.ts";
import { sendBlob } from "./blob-sender.ts";
import type { BlobStore } from "./blob-store.ts";
import { refuse } from "./handshake.ts";
import type { ProfileOrder } from "./program-message.ts";
import { decodeMessage, encodeMessage, malformed, receive } from "./protocol.ts";

/**
 * Measures what a model costs on this machine, outside of this process if it can, and resolves to the
 * profile as JSON. Must end soon once the signal is aborted, and reject with its reason.
 */
export type ProfileHost = (
  model: Uint8Array<ArrayBuffer>,
  order: Pick<ProfileOrder, "kind" | "level" | "threads" | "shapes" | "codecs">,
  signal: AbortSignal,
) => Promise<Uint8Array<ArrayBuffer>>;

export interface ProfilingOptions {
  readonly device: string;
  readonly clock: Clock;
  readonly blobs: BlobStore;
  readonly fetcher: BlobFetcher;
  /** `undefined`: this agent cannot. */
  readonly host: ProfileHost | undefined;
  /** What the agent may use; `null`: not limited. */
  readonly memoryBytes: number | null;
  /** What loaded parts use of it. */
  readonly usedBytes: () => number;
  /** Generations that could run here right now. */
  readonly generations: () => readonly number[];
  /** A channel to the program whose task it is. */
  readonly meet: (task: number) => Promise<Channel>;
}

/** How often the program hears that this device is at it. */
const reportSeconds = seconds(1);

/** What a device does for `partita profile --on`: one order at a time, and never at its own cost. */
export class Profiling {
  readonly #options: ProfilingOptions;
  readonly #stop = new AbortController();
  #isBusy = false;

  constructor(options: ProfilingOptions) {
    this.#options = options;
  }

  /** Goes for a task. Never rejects: what goes wrong is told to the program, if it is still there. */
  async take(task: number): Promise<void> {
    let channel: Channel | null = null;
    try {
      channel = await this.#options.meet(task);
      await this.#serve(channel);
      await channel.close();
    } catch (error) {
      if (channel !== null) await refuse(channel, error);
    }
  }

  /** Gives up what is under way. */
  close(): void {
    this.#stop.abort(new CodedError("CHANNEL_CLOSED", "the agent leaves the cluster"));
  }

  async #serve(channel: Channel): Promise<void> {
    const first = await receive(channel);
    if (first === null) return;
    const { message: order } = first;
    if (order.type !== "profile") throw malformed(`a task '${order.type}'`, "expected: profile");
    const host = this.#check(order);
    this.#isBusy = true;
    try {
      await this.#fill(channel, order, host);
    } finally {
      this.#isBusy = false;
    }
  }

  /** @throws why the order is not taken */
  #check({ force, memoryBytes: needed, model }: ProfileOrder): ProfileHost {
    const { device, host, memoryBytes, usedBytes, generations } = this.#options;
    if (host === undefined) {
      const message = `agent '${device}' is one of a local cluster, and measures nothing; profile on this machine`;
      throw new CodedError("USAGE_INVALID", message, { device });
    }
    if (this.#isBusy) throw busy(device, "measures another model; try again when that is done");
    const running = generations();
    if (running.length > 0 && !force) {
      const which = `runs generation ${running.join(", ")}, which measuring would slow, and which would falsify it`;
      throw busy(device, `${which}; measure it all the same with --force`);
    }
    const used = usedBytes();
    const wanted = Math.max(needed, model.bytes);
    if (memoryBytes !== null && wanted + used > memoryBytes) {
      const [takes, has, uses] = [wanted, memoryBytes, used].map((bytes) =>
        formatQuantity(bytes, "B", 4),
      );
      throw new CodedError(
        "PART_REFUSED",
        `measuring the whole model takes about ${takes}, agent '${device}' may use ${has}, of which its parts use ${uses}; give it more memory (--memory), or plan with the profile of another machine and the device's speed`,
        { device, wanted, memoryBytes, used },
      );
    }
    return host;
  }

  async #fill(channel: Channel, order: ProfileOrder, host: ProfileHost): Promise<void> {
    const { blobs, fetcher, clock, device } = this.#options;
    const end = new AbortController();
    const onStop = () => end.abort(this.#stop.signal.reason);
    this.#stop.signal.addEventListener("abort", onStop, { once: true });
    const late = new CodedError(
      "REQUEST_DEADLINE_EXCEEDED",
      `device '${device}' was not done within ${formatQuantity(order.limitSeconds, "s")}; allow more with --time-limit`,
      { device },
    );
    void clock.sleep(seconds(order.limitSeconds), end.signal).then(
      () => end.abort(late),
      () => undefined,
    );
    const release = fetcher.hold([order.model]);
    void listen(channel, order, fetcher, end);
    void this.#report(channel, order.force, end);
    try {
      const ask = (wanted: readonly { readonly sha256: string; readonly offset: number }[]) => {
        const want = { type: "want", generation: 0, body: { blobs: wanted } } as const;
        void channel.send(encodeMessage(want)).catch(() => undefined);
      };
      await fetcher.fetch([order.model], ask, end.signal);
      const profile = await host(await blobs.read(order.model.sha256), order, end.signal);
      end.signal.throwIfAborted();
      const reference = { sha256: bytesToHex(sha256(profile)), bytes: profile.byteLength };
      await channel.send(encodeMessage({ type: "profiled", profile: reference }));
      await sendBlob(channel, reference.sha256, profile, 0);
    } finally {
      release();
      this.#stop.signal.removeEventListener("abort", onStop);
      end.abort(new CodedError("CHANNEL_CLOSED", "the task is over"));
    }
  }

  /** Says that it is at it, unless there is something more important to do now. */
  async #report(channel: Channel, force: boolean, end: AbortController): Promise<void> {
    const { clock, device, generations } = this.#options;
    const start = clock.now();
    try {
      for (;;) {
        await clock.sleep(reportSeconds, end.signal);
        const running = force ? [] : generations();
        if (running.length > 0) {
          const which = `was given generation ${running.join(", ")} to run while it measured`;
          end.abort(busy(device, `${which}; try again when it has none, or with --force`));
        }
        await channel.send(encodeMessage({ type: "working", seconds: clock.now() - start }));
      }
    } catch {
      // It is over, or nobody wants to know.
    }
  }
}

/**
 * Takes the model's bytes, and those of nothing else that is fetched here. Whoever goes away, or says
 * something else, has given the task up.
 */
async function listen(
  channel: Channel,
  { model }: ProfileOrder,
  fetcher: BlobFetcher,
  end: AbortController,
): Promise<void> {
  try {
    for await (const frame of channel) {
      const { message, payload } = decodeMessage(frame);
      if (message.type !== "blob") throw malformed(`a message '${message.type}'`, "expected: blob");
      if (message.sha256 !== model.sha256) {
        throw malformed(`blob ${message.sha256}`, `the model to be measured is ${model.sha256}`);
      }
      await fetcher.accept(message, payload);
    }
    end.abort(new CodedError("CHANNEL_CLOSED", "the program has gone"));
  } catch (error) {
    end.abort(error);
  }
}

function busy(device: string, what: string): CodedError {
  return new CodedError("DEVICE_BUSY", `device '${device}' ${what}`, { device });
}
