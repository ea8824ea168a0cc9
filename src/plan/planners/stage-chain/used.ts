import type { DeviceClass } from "./model.ts";

/**
 * How many devices of each class but the largest are used, as one number. Of a class without end
 * nobody counts.
 */
export class UsedCounts {
  /** The class with the most devices: it is counted apart. -1: none. */
  readonly main: number;
  /** How many different counts there are. */
  readonly states: number;
  readonly #classes: readonly DeviceClass[];
  readonly #strides: readonly number[];
  readonly #smaller: readonly (readonly { counts: number; deviceClass: number }[])[];

  constructor(classes: readonly DeviceClass[]) {
    this.#classes = classes;
    this.main = mainOf(classes);
    let states = 1;
    this.#strides = classes.map(({ count }, one) => {
      if (one === this.main || count === Number.POSITIVE_INFINITY) return 0;
      const stride = states;
      states *= count + 1;
      return stride;
    });
    this.states = states;
    this.#smaller = Array.from({ length: states }, (_, used) =>
      classes.flatMap((_, one) =>
        one !== this.main && this.#countOf(one, used) > 0
          ? [{ counts: used - (this.#strides[one] as number), deviceClass: one }]
          : [],
      ),
    );
  }

  static countOf(classes: readonly DeviceClass[]): number {
    const main = mainOf(classes);
    return classes.reduce(
      (product, { count }, one) =>
        one === main || count === Number.POSITIVE_INFINITY ? product : product * (count + 1),
      1,
    );
  }

  /** How many devices of a class are left. */
  left(deviceClass: number, used: number, mains: number): number {
    return (
      (this.#classes[deviceClass] as DeviceClass).count -
      (deviceClass === this.main ? mains : this.#countOf(deviceClass, used))
    );
  }

  isLeft(deviceClass: number, used: number, mains: number): boolean {
    return this.left(deviceClass, used, mains) > 0;
  }

  isUsed(deviceClass: number, used: number, mains: number): boolean {
    return deviceClass === this.main ? mains > 0 : this.#countOf(deviceClass, used) > 0;
  }

  /** The counts with one more device of a class; those of the main class are not in them. */
  with(deviceClass: number, used: number): number {
    return used + (this.#strides[deviceClass] as number);
  }

  /** The counts with one device less, of any class. */
  smaller(used: number): readonly { readonly counts: number; readonly deviceClass: number }[] {
    return this.#smaller[used] as readonly { counts: number; deviceClass: number }[];
  }

  #countOf(deviceClass: number, used: number): number {
    const { count } = this.#classes[deviceClass] as DeviceClass;
    const stride = this.#strides[deviceClass] as number;
    return stride === 0 ? 0 : Math.floor(used / stride) % (count + 1);
  }
}

/** Not the source nor the sink: of those, using more may be better, since they are loaded anyway. */
function mainOf(classes: readonly DeviceClass[]): number {
  const counts = classes.map(({ count, isSource, isSink }) =>
    isSource || isSink || count === Number.POSITIVE_INFINITY ? 0 : count,
  );
  const most = Math.max(...counts);
  return most === 0 ? -1 : counts.indexOf(most);
}
