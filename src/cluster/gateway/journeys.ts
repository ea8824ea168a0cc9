import type { Clock } from "../../base/clock.ts";
import type { Begin, Kept, Recall } from "../data-message.ts";
import { type Course, courseOf, type Known } from "./course.ts";
import type { Pass } from "./pass.ts";
import { type KeptTensors, Recalling } from "./recalling.ts";

/** Of a pass that is in flight, or was and waits. */
interface Journey {
  /** Who may hold something of it. */
  readonly devices: Set<string>;
  /** What devices were told when it departed last. */
  readonly begins: ReadonlyMap<string, Begin>;
  /** What the devices of the serving generation keep of it; `null`: nobody has asked them. */
  kept: KeptTensors | null;
}

export interface JourneysOptions {
  readonly clock: Clock;
  /** @throws CHANNEL_CLOSED */
  readonly tell: (device: string, message: Recall) => Promise<void>;
}

/** Where passes have been: who may hold something of them, and from where those go on that go once more. */
export class Journeys {
  readonly #options: JourneysOptions;
  readonly #journeys = new Map<Pass, Journey>();
  #recalling: Recalling | null = null;

  constructor(options: JourneysOptions) {
    this.#options = options;
  }

  /** Whether devices are being asked what they keep. */
  get isRecalling(): boolean {
    return this.#recalling !== null;
  }

  /** @returns what a pass needs that departs now: the rest of its way where something of it is kept */
  depart(pass: Pass, target: Known): Course {
    const before = this.#journeys.get(pass);
    const course = courseOf(target, pass.request, before?.kept ?? undefined);
    const devices = new Set([...(before?.devices ?? []), ...target.devices.keys()]);
    this.#journeys.set(pass, { devices, begins: course.begins, kept: null });
    return course;
  }

  /** A pass has ended. @returns who may hold something of it */
  end(pass: Pass): Iterable<string> {
    const { devices } = this.#journeys.get(pass) ?? {};
    this.#journeys.delete(pass);
    return devices ?? [];
  }

  /** What a device was told of a pass when it departed last; `undefined`: nothing. */
  beginOf(pass: Pass, device: string): Begin | undefined {
    return this.#journeys.get(pass)?.begins.get(device);
  }

  /** Those of which it is not known what devices keep. */
  unasked(passes: readonly Pass[]): Pass[] {
    return passes.filter((pass) => this.#journeys.get(pass)?.kept === null);
  }

  /**
   * Asks the devices of a generation what they keep of passes that are to go through it.
   *
   * @returns whether that is known now: not if it was ended meanwhile
   */
  async recall({ generation, devices }: Known, passes: readonly Pass[]): Promise<boolean> {
    const recalling = new Recalling({
      ...this.#options,
      generation,
      requests: passes.map(({ request }) => request),
      devices: [...devices.keys()],
    });
    this.#recalling = recalling;
    const kept = await recalling.run();
    if (kept === null || this.#recalling !== recalling) return false;
    this.#recalling = null;
    for (const pass of passes) {
      const journey = this.#journeys.get(pass);
      // Those that have ended meanwhile have none.
      if (journey !== undefined) journey.kept = kept.get(pass.request) ?? new Map();
    }
    return true;
  }

  hear(device: string, kept: Kept): void {
    this.#recalling?.hear(device, kept);
  }

  /** A device is not waited for any more. */
  dismiss(device: string): void {
    this.#recalling?.dismiss(device);
  }

  /** Ends the wait for what devices keep. */
  stop(): void {
    this.#recalling?.stop();
    this.#recalling = null;
  }

  /** Another generation serves: what was kept in the one before says nothing. */
  forgetKept(): void {
    this.stop();
    for (const journey of this.#journeys.values()) journey.kept = null;
  }
}
