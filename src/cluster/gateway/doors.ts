import type { Clock } from "../../base/clock.ts";
import { CodedError } from "../../base/errors.ts";
import type { Channel } from "../../transport/transport.ts";
import { Changes } from "../changes.ts";
import { ClientDoor } from "../client-door.ts";
import type { Opened } from "../data-message.ts";
import { refuse } from "../handshake.ts";
import type { Asked, Question } from "../inference.ts";
import { Lingering } from "./lingering.ts";

export interface DoorsOptions {
  /** Whose they are. */
  readonly device: string;
  readonly clock: Clock;
  /** What it throws is the request's failure. */
  readonly ask: (question: Question) => Asked;
}

/** The clients of a gateway. Those that come before there is anything to ask wait. */
export class Doors {
  readonly #options: DoorsOptions;
  readonly #doors = new Set<ClientDoor>();
  readonly #lingering = new Lingering();
  #opened: Opened | null = null;
  readonly #changes = new Changes();
  #isClosed = false;

  constructor(options: DoorsOptions) {
    this.#options = options;
  }

  /** What clients are told; `null`: there is nothing to ask yet. */
  get opened(): Opened | null {
    return this.#opened;
  }

  /** There is something to ask, or something else than before. */
  open(opened: Opened): void {
    this.#opened = opened;
    this.#changes.tell();
  }

  /** Serves a client whose first message was `open`, until its channel ends. */
  async welcome(channel: Channel): Promise<void> {
    const { device, clock, ask } = this.#options;
    while (this.#opened === null && !this.#isClosed) {
      await this.#changes.next();
    }
    const opened = this.#opened;
    if (opened === null || this.#isClosed) {
      await refuse(channel, new CodedError("CHANNEL_CLOSED", `device '${device}' ends`));
      return;
    }
    const linger = (asked: Asked, bytes: number): void => this.#lingering.add(asked, bytes);
    const door = new ClientDoor(channel, { clock, opened, ask, linger });
    this.#doors.add(door);
    await door.serve();
    this.#doors.delete(door);
  }

  /** Tells each client why, behind its last answers. */
  async close(error: CodedError): Promise<void> {
    this.#isClosed = true;
    this.#changes.tell();
    await Promise.allSettled([...this.#doors].map((door) => door.dismiss(error)));
  }
}
