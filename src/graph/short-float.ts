/**
 * Floating-point numbers of 16 bits, which JavaScript has no arrays for on Node 20.
 *
 * @module
 * @see IEEE 754-2019, "Binary interchange format encodings"
 */

/** How the 15 bits behind the sign are shared out. */
interface ShortFloat {
  readonly exponentBits: number;
  readonly fractionBits: number;
}

export const float16: ShortFloat = { exponentBits: 5, fractionBits: 10 };
export const bfloat16: ShortFloat = { exponentBits: 8, fractionBits: 7 };

/** The number that 16 bits stand for. */
export function decodeShortFloat({ exponentBits, fractionBits }: ShortFloat, bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const fraction = (bits & 0x7fff) % 2 ** fractionBits;
  const exponent = ((bits & 0x7fff) - fraction) / 2 ** fractionBits;
  const bias = 2 ** (exponentBits - 1) - 1;
  if (exponent === 2 * bias + 1) return fraction === 0 ? sign * Infinity : Number.NaN;
  // The least exponent counts twice: with a leading one, and without.
  const leading = exponent === 0 ? 0 : 2 ** fractionBits;
  return sign * (leading + fraction) * 2 ** (Math.max(1, exponent) - bias - fractionBits);
}

/** The 16 bits of the nearest number, the even one of two; too large ones become infinite. */
export function encodeShortFloat(
  { exponentBits, fractionBits }: ShortFloat,
  value: number,
): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const bias = 2 ** (exponentBits - 1) - 1;
  const infinite = (2 * bias + 1) * 2 ** fractionBits;
  if (Number.isNaN(value)) return infinite + 2 ** (fractionBits - 1);
  const magnitude = Math.abs(value);
  const exponent = Math.max(exponentOf(magnitude), 1 - bias);
  // In units of the last place; a leading one carries into the exponent by itself.
  const units = roundToEven(magnitude / 2 ** (exponent - fractionBits));
  return sign | Math.min(infinite, units + (exponent + bias - 1) * 2 ** fractionBits);
}

/** The power of two at or below a number that is not negative. */
function exponentOf(magnitude: number): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, magnitude);
  return (view.getUint16(0) >> 4) - 1023;
}

function roundToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}
