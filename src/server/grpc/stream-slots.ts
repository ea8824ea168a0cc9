import type { Clock } from "../../base/clock.ts";
import { CodedError } from "../../base/errors.ts";
import { type Seconds, seconds } from "../../base/units.ts";

/** A stream's place among those that may be open. */
export interface StreamSlot {
  /** A request of the stream has come. */
  asked(): void;
  answered(): void;
  leave(): void;
}

/** How long a stream may be quiet, with nothing to be answered, while others want its place. */
const patience: Seconds = seconds(60);

interface Place {
  unanswered: number;
  quietSince: number;
  readonly giveWay: (reason: CodedError) => void;
}

/** Lets in so many streams at a time: each may bring a large message whenever it likes. */
export class StreamSlots {
  readonly #most: number;
  readonly #clock: Clock;
  readonly #places = new Set<Place>();

  constructor(most: number, clock: Clock) {
    this.#most = most;
    this.#clock = clock;
  }

  /**
   * @param giveWay ends the stream, which has been quiet for long
   * @throws DEVICE_BUSY if there are too many, of which none has been
   */
  take(giveWay: (reason: CodedError) => void): StreamSlot {
    if (this.#places.size >= this.#most) this.#makeRoom();
    const place = { unanswered: 0, quietSince: this.#clock.now(), giveWay };
    this.#places.add(place);
    return {
      asked: () => {
        place.unanswered++;
      },
      answered: () => {
        place.unanswered--;
        place.quietSince = this.#clock.now();
      },
      leave: () => this.#places.delete(place),
    };
  }

  #makeRoom(): void {
    const [first, ...others] = [...this.#places].filter(({ unanswered }) => unanswered === 0);
    const quietest = others.reduce(
      (one, other) => (one !== undefined && one.quietSince <= other.quietSince ? one : other),
      first,
    );
    if (quietest === undefined || this.#clock.now() < quietest.quietSince + patience) {
      throw new CodedError(
        "DEVICE_BUSY",
        `${this.#most} streams are open, and this server takes no more at a time; use ModelInfer, or try again later`,
        { limit: this.#most },
      );
    }
    this.#places.delete(quietest);
    quietest.giveWay(
      new CodedError(
        "DEVICE_BUSY",
        `the stream was quiet for ${patience} s, and another client wanted its place; open another one`,
        { limit: this.#most, limitSeconds: patience },
      ),
    );
  }
}
