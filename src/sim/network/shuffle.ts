import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import { seconds } from "../../base/units.ts";
import type { Frame } from "../../transport/transport.ts";

/** How often frames come twice or late, and by how much at most. */
export interface Disorder {
  /** Chance that a frame comes a second time. */
  readonly duplicate: number;
  /** Chance that a frame lets later ones pass. */
  readonly overtake: number;
  /** For how long at most a frame, or its second copy, is held back. */
  readonly holdSeconds: number;
}

export const order: Disorder = { duplicate: 0, overtake: 0, holdSeconds: 0 };

/**
 * What is said on a control channel that may come twice, or in another order among itself. All other
 * frames are barriers: they neither overtake nor are overtaken, so that a deployment means what it
 * says. Other channels keep the order that TCP gives them, since their two sides count frames to know
 * what to send again after a channel broke.
 */
const loose: ReadonlySet<string> = new Set([
  "blob",
  "heartbeat",
  "lost",
  "measured",
  "ping",
  "reached",
]);

/** The first frames of a control channel, from either side. */
const openings: ReadonlySet<string> = new Set(["join", "welcome"]);

interface Parcel {
  readonly header: Frame["header"];
  readonly deliver: () => void;
}

/** Disturbs the order of one direction of a channel, as far as the protocol allows it. */
export class Shuffle {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #disorder: () => Disorder;
  #held: Parcel[] = [];
  /** `null`: nothing has come yet. */
  #isDisturbed: boolean | null = null;

  constructor(clock: Clock, random: Random, disorder: () => Disorder) {
    this.#clock = clock;
    this.#random = random;
    this.#disorder = disorder;
  }

  /** A frame has arrived: calls `deliver` now or later, once or twice. */
  take(header: Frame["header"], deliver: () => void): void {
    const parcel = { header, deliver };
    this.#isDisturbed ??= openings.has(header.type);
    if (!this.#isDisturbed || !loose.has(header.type)) {
      this.flush();
      deliver();
      return;
    }
    this.#release(({ header: held }) => isRelated(held, header));
    const { duplicate, overtake, holdSeconds } = this.#disorder();
    if (overtake > 0 && this.#random.next() < overtake) {
      this.#hold(parcel, holdSeconds);
      return;
    }
    if (duplicate > 0 && this.#random.next() < duplicate) this.#hold({ ...parcel }, holdSeconds);
    deliver();
  }

  /** Delivers what is held back, in the order in which it came. */
  flush(): void {
    this.#release(() => true);
  }

  #hold(parcel: Parcel, holdSeconds: number): void {
    this.#held.push(parcel);
    const duration = seconds(this.#random.next() * holdSeconds);
    void this.#clock.sleep(duration).then(() => this.#release((held) => held === parcel));
  }

  #release(goes: (parcel: Parcel) => boolean): void {
    const released = this.#held.filter(goes);
    if (released.length === 0) return;
    this.#held = this.#held.filter((parcel) => !released.includes(parcel));
    for (const { deliver } of released) deliver();
  }
}

/** Whether the second of two loose frames means something else if it comes before the first. */
function isRelated(first: Frame["header"], second: Frame["header"]): boolean {
  // A channel that was lost and stands again is not one that stood and was lost.
  const isFate = ({ type }: Frame["header"]) => type === "lost" || type === "reached";
  return isFate(first) && isFate(second) && first["device"] === second["device"];
}
