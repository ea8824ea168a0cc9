import type { Clock } from "../base/clock.ts";
import { CodedError } from "../base/errors.ts";
import type { Transport } from "../transport/transport.ts";
import type { Opening } from "./handshake.ts";
import type { Liveness } from "./liveness.ts";
import { Roster } from "./roster.ts";
import { type ModelKey, SharedListener } from "./shared-listener.ts";
import { unknownModel } from "./unknown-model.ts";

export interface CoordinatorGroupOptions extends Liveness {
  readonly transport: Transport;
  readonly clock: Clock;
  /** Where agents, clients and watchers of all models dial. */
  readonly listen: string;
  /** Whoever dials must show it. */
  readonly token: string;
  /** All that may ever run here; who names none means the first that does. */
  readonly models: readonly string[];
  /**
   * Those whose coordinators will soon listen: devices that run them from before keep what they have.
   * Default: none.
   */
  readonly wanted?: readonly string[];
}

/** One address for the coordinators of several models, and what devices are to know of them. */
export class CoordinatorGroup implements AsyncDisposable {
  readonly #names: readonly string[];
  readonly #listener: SharedListener;
  readonly #roster: Roster;
  readonly #wanted: Set<string>;

  /** @throws PORT_IN_USE */
  static async open(options: CoordinatorGroupOptions): Promise<CoordinatorGroup> {
    const { transport, clock, listen, token, models, wanted = [] } = options;
    const roster = new Roster(clock, options, wanted);
    const listener = await SharedListener.open(listen, {
      transport,
      clock,
      token,
      resolve: (first, listening) => meant(first, listening, models),
      onFollow: (channel) => void roster.accept(channel),
    });
    return new CoordinatorGroup(models, wanted, listener, roster);
  }

  /** Use `open`. */
  private constructor(
    names: readonly string[],
    wanted: readonly string[],
    listener: SharedListener,
    roster: Roster,
  ) {
    this.#names = names;
    this.#wanted = new Set(wanted);
    this.#listener = listener;
    this.#roster = roster;
  }

  /** With the port that was really taken. */
  get address(): string {
    return this.#listener.address;
  }

  /** What the coordinator of a model is to listen with; the address does not matter. */
  transportFor(model: string): Transport {
    return this.#listener.transportFor(model);
  }

  /** Devices join for this model from now on: its coordinator listens, or soon will. */
  want(model: string): void {
    this.#wanted.add(model);
    this.#tell();
  }

  /** Devices let go of this model, whose coordinator is closed. */
  unwant(model: string): void {
    this.#wanted.delete(model);
    this.#tell();
  }

  /** Tells all devices to end. Coordinators are to be closed before. */
  async close(reason = "the coordinator was closed"): Promise<void> {
    await this.#roster.close(reason);
    await this.#listener.close();
  }

  /** Ends as if killed. */
  async abandon(): Promise<void> {
    await this.#roster.abandon();
    await this.#listener.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #tell(): void {
    this.#roster.models = this.#names.filter((name) => this.#wanted.has(name));
  }
}

function meant(
  { model }: Opening,
  listening: ReadonlySet<ModelKey>,
  names: readonly string[],
): ModelKey | CodedError {
  const found = model ?? names.find((name) => listening.has(name)) ?? names[0];
  if (found === undefined || !names.includes(found)) {
    return unknownModel(found, names, "this coordinator");
  }
  if (listening.has(found)) return found;
  return new CodedError(
    "MODEL_NOT_READY",
    `model '${found}' does not run: it is being loaded, was unloaded, or found no place; ask again later, or see which do with partita status`,
    { model: found },
  );
}
