import type { Deploy } from "./control-message.ts";
import type { Begin, Recall, Settled } from "./data-message.ts";
import { malformed } from "./protocol.ts";

/** The devices whose gateways a device has been told to work for: in one cluster one, the source. */
export class Sources {
  readonly #addresses = new Map<string, readonly string[]>();
  readonly #current: () => ReadonlySet<string>;

  /** @param current those of the generations that are not over */
  constructor(current: () => ReadonlySet<string>) {
    this.#current = current;
  }

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
   * after its channel stands, nor when all of its generations are over here. What counts is said again.
   *
   * @throws FRAME_MALFORMED if the device never hosted one
   */
  admits(device: string, { type }: Begin | Recall | Settled): boolean {
    if (this.#current().has(device)) return true;
    if (this.#addresses.size === 0 || this.#addresses.has(device)) return false;
    const hosts = [...this.#addresses.keys()].join(", ");
    throw malformed(
      `a message '${type}' of device '${device}'`,
      `the gateway is on '${hosts}', and nobody else says this`,
    );
  }
}
