import { graphSha256 } from "../cost/graph-hash.ts";
import type { CoordinationState, GenerationState, Step } from "./coordination/state.ts";
import type { CoordinatorOptions } from "./coordinator-options.ts";
import type { KnownDevices } from "./identity.ts";
import { formatJournal, type Journal, type JournalStore, tokenHash } from "./journal.ts";
import type { PlanBook } from "./plan-book.ts";

/** Writes what a coordinator must not forget, one version after the other. */
export class JournalKeeper {
  readonly #options: Pick<CoordinatorOptions, "journal" | "graph" | "token">;
  readonly #book: PlanBook;
  readonly #known: KnownDevices;
  #last: Promise<unknown> = Promise.resolve();
  /** What is safe; `null`: nothing, or what was written last failed. */
  #saved: string | null = null;
  #isBehind = false;

  constructor(
    options: Pick<CoordinatorOptions, "journal" | "graph" | "token">,
    book: PlanBook,
    known: KnownDevices,
  ) {
    this.#options = options;
    this.#book = book;
    this.#known = known;
  }

  /** Whether what was to be saved last is not. */
  get isBehind(): boolean {
    return this.#isBehind;
  }

  /** Resolves when a state is safe. @throws FILE_WRITE_FAILED */
  async save(state: CoordinationState): Promise<void> {
    const { journal } = this.#options;
    if (journal === undefined) return;
    const text = formatJournal(this.#journalOf(state));
    const saved = this.#last.then(() => this.#write(journal, text));
    this.#last = saved.catch(() => undefined);
    await saved;
  }

  async #write(journal: JournalStore, text: string): Promise<void> {
    if (text === this.#saved) return;
    this.#saved = null;
    this.#isBehind = true;
    await journal.save(text);
    this.#saved = text;
    this.#isBehind = false;
  }

  #journalOf(state: CoordinationState): Journal {
    const { graph, token } = this.#options;
    return {
      format: "partita.journal/1",
      graphSha256: graphSha256(graph),
      tokenSha256: tokenHash(token),
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
