import type { Entry } from "./entry.ts";
import { type Choice, chooseNext, holdSeconds, type Joining } from "./joining.ts";
import { type Pass, wantedOf } from "./pass.ts";

/** What waits: passes that go once more, then requests, the oldest first. */
export class Queue {
  #requests = new Map<number, Entry>();
  #returning: Pass[] = [];

  /** Passes that were in flight, in the order in which they departed. */
  get returning(): readonly Pass[] {
    return this.#returning;
  }

  /** Everybody who waits, those in passes too. */
  get all(): Entry[] {
    return [...this.#returning.flatMap(wantedOf), ...this.#requests.values()];
  }

  get size(): number {
    const returning = this.#returning.reduce((sum, pass) => sum + wantedOf(pass).length, 0);
    return returning + this.#requests.size;
  }

  add(entry: Entry): void {
    this.#requests.set(entry.request, entry);
  }

  /** Requests that have waited before, in front of the others. */
  addFirst(entries: readonly Entry[]): void {
    const ordered = [...entries, ...this.#requests.values()];
    this.#requests = new Map(ordered.map((entry) => [entry.request, entry]));
  }

  /** Passes that departed before all that waits. */
  takeBack(passes: readonly Pass[]): void {
    this.#returning = [...passes, ...this.#returning];
  }

  /** Whether a request is here, and in no pass. */
  has(entry: Entry): boolean {
    return this.#requests.get(entry.request) === entry;
  }

  delete(entry: Entry): void {
    if (this.has(entry)) this.#requests.delete(entry.request);
  }

  remove(pass: Pass): void {
    this.#returning = this.#returning.filter((other) => other !== pass);
  }

  /** Which requests go next together, of those that are in no pass. */
  choose(joining: Joining | null, free: number | null, now: number): Choice<Entry> {
    if (joining === null) {
      const [oldest] = this.#requests.values();
      return oldest === undefined ? null : { type: "go", together: [oldest] };
    }
    const choice = chooseNext(this.#candidates(joining), joining, free, now);
    if (choice?.type !== "go") return choice;
    return { type: "go", together: choice.together.map(({ entry }) => entry) };
  }

  *#candidates(joining: Joining) {
    for (const entry of this.#requests.values()) {
      const { rows, form, isAlone, askedAt, deadlineSeconds } = entry;
      const heldUntil = askedAt + holdSeconds(joining, deadlineSeconds);
      yield { entry, rows, form: isAlone ? null : form, heldUntil };
    }
  }
}
