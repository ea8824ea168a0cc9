import type { Clock } from "../base/clock.ts";
import { CodedError } from "../base/errors.ts";
import { seconds } from "../base/units.ts";
import { graphSha256 } from "../cost/graph-hash.ts";
import type { CoordinationState, GenerationState, Step } from "./coordination/state.ts";
import type { CoordinatorOptions } from "./coordinator-options.ts";
import type { KnownDevices } from "./identity.ts";
import { formatJournal, type Journal, type JournalStore, tokenMarkOf } from "./journal.ts";
import type { PlanBook } from "./plan-book.ts";

/** Who waits for a disk that hangs goes on without it. */
const patienceSeconds = seconds(2);

/** Writes what a coordinator must not forget, one version after the other, the newest that there is. */
export class JournalKeeper {
  readonly #clock: Clock;
  readonly #store: JournalStore | undefined;
  readonly #cluster: Pick<Journal, "graphSha256" | "tokenMark">;
  readonly #book: PlanBook;
  readonly #known: KnownDevices;
  #wanted: string | null = null;
  #saved: string | null = null;
  #writing: Promise<void> | null = null;
  #isClosed = false;

  constructor(
    options: Pick<CoordinatorOptions, "clock" | "journal" | "graph" | "token">,
    book: PlanBook,
    known: KnownDevices,
  ) {
    const { clock, journal, graph } = options;
    this.#clock = clock;
    this.#store = journal;
    this.#cluster = { graphSha256: graphSha256(graph), tokenMark: tokenMarkOf(options) };
    this.#book = book;
    this.#known = known;
  }

  /** Whether what was to be saved last is not. */
  get isBehind(): boolean {
    return this.#wanted !== this.#saved;
  }

  /**
   * Resolves when a state, or a later one, is safe.
   *
   * @throws FILE_WRITE_FAILED, also after 2 s
   */
  async save(state: CoordinationState): Promise<void> {
    const store = this.#store;
    if (store === undefined || this.#isClosed) return;
    this.#wanted = formatJournal(this.#journalOf(state));
    this.#writing ??= this.#write(store).finally(() => {
      this.#writing = null;
    });
    await this.#inTime(this.#writing);
  }

  /** Whoever writes the journal from now on does so alone. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#inTime(this.#writing);
  }

  /** @throws FILE_WRITE_FAILED */
  async #inTime(writing: Promise<void> | null): Promise<void> {
    const done = new AbortController();
    const late = this.#clock.sleep(patienceSeconds, done.signal).then(() => {
      const message = `the coordinator's journal has not been written for ${patienceSeconds} s; does its disk hang?`;
      throw new CodedError("FILE_WRITE_FAILED", message);
    });
    late.catch(() => undefined);
    await Promise.race([writing, late]).finally(() => done.abort());
  }

  async #write(store: JournalStore): Promise<void> {
    while (this.#wanted !== null && this.isBehind && !this.#isClosed) {
      const text = this.#wanted;
      await store.save(text);
      this.#saved = text;
    }
  }

  #journalOf(state: CoordinationState): Journal {
    return {
      format: "partita.journal/2",
      ...this.#cluster,
      lastGeneration: state.lastGeneration,
      started: state.started,
      generations: state.generations.map(({ generation, role, cause, plan }) => ({
        generation,
        standby: role === "standby",
        cause,
        plan: this.#book.get(plan).plan,
      })),
      devices: this.#known.toJSON(),
    };
  }
}

/** Where a coordinator goes on that finds a journal: it waits for those who run what stands in it. */
export function recoveredState(
  fresh: CoordinationState,
  journal: Journal,
  book: PlanBook,
): CoordinationState {
  const generations = journal.generations.map(
    ({ generation, standby, cause, plan }): GenerationState => {
      const { number, shape } = book.add(plan);
      return {
        generation,
        plan: number,
        shape,
        cause,
        role: standby ? "standby" : "recovered",
        live: false,
        saved: "yes",
        told: false,
        steps: Object.fromEntries(shape.devices.map((device) => [device, "none" as Step])),
      };
    },
  );
  const last = generations.findLast(({ role }) => role === "recovered");
  const preferred =
    last === undefined
      ? fresh.preferred
      : { plan: last.plan, shape: last.shape, cause: last.cause };
  return {
    ...fresh,
    generations: journal.started ? generations : [],
    lastGeneration: journal.lastGeneration,
    preferred: journal.started ? preferred : fresh.preferred,
    started: journal.started,
    recovering: journal.started,
  };
}
