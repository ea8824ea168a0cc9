import { z } from "zod";
import { CodedError } from "../base/errors.ts";
import type { JournalStore } from "../cluster/journal.ts";
import type { SharedCell } from "./shared-cell.ts";

/** What stands in a journal's cell: who has written it, and what. */
interface Written {
  readonly format: "partita.kept-journal/1";
  readonly term: number;
  /** `null`: there is none yet. */
  readonly journal: string | null;
}

const format = "partita.kept-journal/1";

const schema: z.ZodType<Written> = z.strictObject({
  format: z.literal(format),
  term: z.int().nonnegative(),
  journal: z.string().nullable(),
});

export interface SharedJournalOptions {
  readonly cell: SharedCell;
  /** What the cluster's token is known by where others read it. */
  readonly tokenMark: string;
  /** In which this process leads. */
  readonly term: number;
  /** Called when somebody who leads in a later term has the journal. */
  readonly onFenced: (why: CodedError) => void;
}

/**
 * A journal that coordinators hand on to each other. `load` takes it over: from then on whoever led
 * before cannot write it any more, even if it does not know yet that it leads no more.
 */
export function sharedJournal(options: SharedJournalOptions): JournalStore {
  const journal = new SharedJournal(options);
  const { tokenMark } = options;
  return { tokenMark, load: () => journal.load(), save: (text) => journal.save(text) };
}

class SharedJournal {
  readonly #options: SharedJournalOptions;
  /** Of what this process has written last; `null`: it has not taken the journal over yet. */
  #revision: number | null = null;

  constructor(options: SharedJournalOptions) {
    this.#options = options;
  }

  /** @throws ENGINE_UNAVAILABLE; LEADERSHIP_LOST; USAGE_INVALID if another version has written it */
  async load(): Promise<string | null> {
    for (;;) {
      const { revision, written } = await this.#read();
      const { journal } = written;
      if (await this.#replace(revision, journal)) return journal;
    }
  }

  /** @throws as `load` */
  async save(journal: string): Promise<void> {
    if (this.#revision === null) await this.load();
    while (!(await this.#replace(this.#revision ?? 0, journal))) {
      // What was written and not acknowledged is this process's own, and may be written over.
      this.#revision = (await this.#read()).revision;
    }
  }

  async #replace(revision: number, journal: string | null): Promise<boolean> {
    const { cell, term } = this.#options;
    const written = await cell.replace(revision, JSON.stringify({ format, term, journal }));
    if (written !== null) this.#revision = written;
    return written !== null;
  }

  async #read(): Promise<{ readonly revision: number; readonly written: Written }> {
    const { cell, term, onFenced } = this.#options;
    const { revision, text } = await cell.read();
    const written = text === "" ? ({ format, term: 0, journal: null } as const) : parse(text);
    if (written.term <= term) return { revision, written };
    const why = new CodedError(
      "LEADERSHIP_LOST",
      `this coordinator leads no more: the journal is kept by the one that leads in term ${written.term} (here ${term})`,
    );
    onFenced(why);
    throw why;
  }
}

function parse(text: string): Written {
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new CodedError(
      "USAGE_INVALID",
      "the journal on the NATS server was written by another version of Partita; use that one, or another cluster's name in --nats",
      {},
      cause,
    );
  }
}
