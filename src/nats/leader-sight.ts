import { type LeaderRecord, parseLeaderRecord } from "./leader-record.ts";
import type { SharedCell } from "./shared-cell.ts";

/** Where the leader is, as it is seen from a process that does not want to lead. */
export class LeaderSight {
  readonly #cell: SharedCell;
  readonly #listeners = new Set<() => void>();
  #record: LeaderRecord | null = null;
  #revision = -1;

  /** @param signal ends it */
  constructor(cell: SharedCell, signal: AbortSignal) {
    this.#cell = cell;
    void this.#watch(signal);
  }

  /** The latest that was seen; `null`: nobody has led yet, as far as is known. */
  get record(): LeaderRecord | null {
    return this.#record;
  }

  /** Called each time when somebody else leads, or nobody. @returns what ends that */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Looks whether there is something new: a watch may be behind. @throws ENGINE_UNAVAILABLE */
  async refresh(): Promise<void> {
    this.#take(await this.#cell.read());
  }

  async #watch(signal: AbortSignal): Promise<void> {
    for await (const sighting of this.#cell.watch(signal)) this.#take(sighting);
  }

  #take({ revision, text }: { readonly revision: number; readonly text: string }): void {
    if (revision <= this.#revision) return;
    this.#revision = revision;
    const record = parseLeaderRecord(text);
    const before = this.#record;
    this.#record = record;
    const isSame = before?.term === record?.term && before?.leader?.id === record?.leader?.id;
    if (!isSame) for (const listener of [...this.#listeners]) listener();
  }
}
