/**
 * Quantities: numbers that know their unit. Everything inside Partita is in SI base units; what
 * people write (`20 ms`, `40 Mbit/s`, `8 GiB`) becomes a quantity once, at the door.
 *
 * @module
 */
import { CodedError } from "./errors.ts";

declare const unit: unique symbol;

/** A number measured in the unit `U`. The brand is invariant: a covariant one lets seconds and bytes be added. */
export type Quantity<U extends string> = number & { readonly [unit]: (u: U) => U };

export type Seconds = Quantity<"s">;
export type Bytes = Quantity<"B">;
export type BitsPerSecond = Quantity<"bit/s">;
export type Flop = Quantity<"FLOP">;
export type Joules = Quantity<"J">;
export type JoulesPerBit = Quantity<"J/bit">;
export type Watts = Quantity<"W">;
export type SecondsPerByte = Quantity<"s/B">;

export const seconds = (value: number): Seconds => value as Seconds;
export const bytes = (value: number): Bytes => value as Bytes;
export const bitsPerSecond = (value: number): BitsPerSecond => value as BitsPerSecond;
export const flop = (value: number): Flop => value as Flop;
export const joules = (value: number): Joules => value as Joules;
export const watts = (value: number): Watts => value as Watts;
export const secondsPerByte = (value: number): SecondsPerByte => value as SecondsPerByte;
export const joulesPerBit = (value: number): JoulesPerBit => value as JoulesPerBit;

/** Adds quantities of one unit; the type checker refuses a mixture. */
export function sum<U extends string>(...values: Quantity<U>[]): Quantity<U> {
  return values.reduce((total, value) => total + value, 0) as Quantity<U>;
}

export function scale<U extends string>(value: Quantity<U>, factor: number): Quantity<U> {
  return (value * factor) as Quantity<U>;
}

export function ratio<U extends string>(value: Quantity<U>, divisor: Quantity<U>): number {
  return value / divisor;
}

/** A dimension that people can write quantities of, by the name of its SI base unit. */
export type Dimension = "s" | "B" | "bit/s" | "FLOP" | "FLOP/s" | "J" | "J/bit" | "W";

/** The units that people may write, by dimension, from the smallest to the largest. */
const spellings: Readonly<Record<Dimension, Readonly<Record<string, number>>>> = {
  s: { ns: 1e-9, us: 1e-6, µs: 1e-6, ms: 1e-3, s: 1, min: 60, h: 3600, d: 86_400 },
  B: {
    B: 1,
    kB: 1e3,
    KiB: 2 ** 10,
    MB: 1e6,
    MiB: 2 ** 20,
    GB: 1e9,
    GiB: 2 ** 30,
    TB: 1e12,
    TiB: 2 ** 40,
  },
  "bit/s": { "bit/s": 1, "kbit/s": 1e3, "Mbit/s": 1e6, "Gbit/s": 1e9, "Tbit/s": 1e12 },
  FLOP: { FLOP: 1, kFLOP: 1e3, MFLOP: 1e6, GFLOP: 1e9, TFLOP: 1e12 },
  "FLOP/s": {
    "FLOP/s": 1,
    "kFLOP/s": 1e3,
    "MFLOP/s": 1e6,
    "GFLOP/s": 1e9,
    "TFLOP/s": 1e12,
  },
  J: { nJ: 1e-9, uJ: 1e-6, µJ: 1e-6, mJ: 1e-3, J: 1, kJ: 1e3 },
  "J/bit": {
    "pJ/bit": 1e-12,
    "nJ/bit": 1e-9,
    "uJ/bit": 1e-6,
    "µJ/bit": 1e-6,
    "mJ/bit": 1e-3,
    "J/bit": 1,
  },
  W: { uW: 1e-6, µW: 1e-6, mW: 1e-3, W: 1, kW: 1e3 },
};

/**
 * Reads a quantity as people write it: a finite number, optionally a space, a unit of `dimension`.
 *
 * @param text for instance `20 Mbit/s`; a bare number is refused
 * @throws QUANTITY_INVALID with the units that would have been understood
 */
export function parseQuantity<D extends Dimension>(text: string, dimension: D): Quantity<D> {
  const match = /^\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(\S*)\s*$/.exec(text);
  const factors = spellings[dimension];
  const factor = match === null ? undefined : factors[match[2] ?? ""];
  const value = Number(match?.[1]) * (factor ?? Number.NaN);
  if (Number.isFinite(value)) return value as Quantity<D>;
  throw new CodedError(
    "QUANTITY_INVALID",
    `"${text}" is not a quantity in ${dimension}; write for instance "${example(dimension)}" (units: ${Object.keys(factors).join(", ")})`,
    { text, dimension },
  );
}

function example(dimension: Dimension): string {
  return `20 ${printed[dimension][2]}`;
}

/** Decimal units only: what is printed reads the same for bytes, bits and seconds. */
const printed: Readonly<Record<Dimension, readonly string[]>> = {
  s: ["ns", "us", "ms", "s"],
  B: ["B", "kB", "MB", "GB", "TB"],
  "bit/s": ["bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"],
  FLOP: ["FLOP", "kFLOP", "MFLOP", "GFLOP", "TFLOP"],
  "FLOP/s": ["FLOP/s", "kFLOP/s", "MFLOP/s", "GFLOP/s", "TFLOP/s"],
  J: ["nJ", "uJ", "mJ", "J", "kJ"],
  "J/bit": ["pJ/bit", "nJ/bit", "uJ/bit", "mJ/bit", "J/bit"],
  W: ["uW", "mW", "W", "kW"],
};

/**
 * Writes a quantity for people, in the largest unit that leaves a number of at least one.
 *
 * @param digits significant digits, 3 unless told; 17 makes `parseQuantity` return the same number
 */
export function formatQuantity(value: number, dimension: Dimension, digits = 3): string {
  const factors = spellings[dimension];
  const units = printed[dimension];
  const rounded = Math.abs(Number(value.toPrecision(digits)));
  const fitting = units.filter((name) => rounded >= (factors[name] ?? 1));
  const name = (value === 0 ? dimension : (fitting.at(-1) ?? units[0])) as string;
  return `${trim((value / (factors[name] ?? 1)).toPrecision(digits))} ${name}`;
}

/** `1.50e+3` reads worse than `1500`, and `1.50` no better than `1.5`. */
function trim(number: string): string {
  return String(Number(number));
}
