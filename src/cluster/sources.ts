import type { Deploy } from "./control-message.ts";
import type { Begin, Recall, Settled } from "./data-message.ts";
import { malformed } from "./protocol.ts";

/** The devices whose gateways a device has been told to work for: in one cluster one, the source. */
export class Sources {
  readonly #addresses = new Map<string, readonly string[]>();

  know({ source, peers }: Deploy["body"]): void {
    const told = peers.find(({ device }) => device === source)?.addresses;
    const addresses = told ?? this.#addresses.get(source) ?? [];
    // What was told last stands last.
    this.#addresses.delete(source);
    this.#addresses.set(source, addresses);
  }

  /** Of the source that was told last; empty: none was, or not where it is. */
  get addresses(): readonly string[] {
    return [...this.#addresses.values()].at(-1) ?? [];
  }

  /**
   * Whether to do what a gateway says: not before it is known who hosts one, which may be a moment
   * after its channel stands. What counts is said again.
   *
   * @throws FRAME_MALFORMED if the device hosts none
   */
  admits(device: string, { type }: Begin | Recall | Settled): boolean {
    if (this.#addresses.has(device)) return true;
    if (this.#addresses.size === 0) return false;
    const hosts = [...this.#addresses.keys()].join(", ");
    throw malformed(
      `a message '${type}' of device '${device}'`,
      `the gateway is on '${hosts}', and nobody else says this`,
    );
  }
}
