import type { Clock } from "../base/clock.ts";
import { CodedError } from "../base/errors.ts";
import { seconds } from "../base/units.ts";
import type { AgentLink } from "./agent-link.ts";
import type { Probed } from "./control-message.ts";

export interface ProbingOptions {
  readonly clock: Clock;
  readonly linkOf: (device: string) => AgentLink | undefined;
}

/** For a channel to be opened, by whichever way there is, and for a large probe over a slow link. */
const patienceSeconds = seconds(30);

/** Has devices measure their links, one probe of a pair at a time. */
export class Probing {
  readonly #options: ProbingOptions;
  readonly #waiting = new Map<string, Set<(probed: Probed) => void>>();

  constructor(options: ProbingOptions) {
    this.#options = options;
  }

  /**
   * Has one device measure its link to another with so many bytes. Who asks for the same while it is
   * being measured gets the same.
   *
   * @returns what it said; `link` is `null` and `error` says why if there is no way
   * @throws DEVICE_LOST if one of the two is not here, if the first leaves, or nothing was heard for 30 s
   */
  async probe(from: string, to: string, bytes: number): Promise<Probed> {
    const { clock, linkOf } = this.#options;
    const [prober, probed] = [linkOf(from), linkOf(to)];
    if (prober === undefined || probed === undefined) {
      const away = prober === undefined ? from : to;
      throw lost(
        away,
        `device '${away}' is not here: the link '${from}' to '${to}' is not measured`,
      );
    }
    const key = keyOf(from, to, bytes);
    const waiting = this.#waiting.get(key) ?? new Set();
    const heard = new Promise<Probed>((resolve) => waiting.add(resolve));
    if (waiting.size === 1) {
      this.#waiting.set(key, waiting);
      const peer = { device: to, addresses: probed.agent.addresses };
      void prober.tell({ type: "probe", peer, bytes });
    }
    const done = new AbortController();
    const onLeft = () => done.abort();
    prober.ended.addEventListener("abort", onLeft, { once: true });
    const expired = clock.sleep(patienceSeconds, done.signal).then(
      () => `has not measured its link to '${to}' in ${patienceSeconds} s`,
      () => `has left before it had measured its link to '${to}'`,
    );
    const outcome = await Promise.race([heard, expired]);
    done.abort();
    prober.ended.removeEventListener("abort", onLeft);
    if (this.#waiting.get(key) === waiting) this.#waiting.delete(key);
    if (typeof outcome !== "string") return outcome;
    throw lost(from, `device '${from}' ${outcome}`);
  }

  /** What a device has measured. */
  hear(from: string, probed: Probed): void {
    for (const resolve of this.#waiting.get(keyOf(from, probed.device, probed.bytes)) ?? []) {
      resolve(probed);
    }
  }
}

function keyOf(from: string, to: string, bytes: number): string {
  return JSON.stringify([from, to, bytes]);
}

function lost(device: string, message: string): CodedError {
  return new CodedError("DEVICE_LOST", message, { device });
}
