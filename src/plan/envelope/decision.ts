import type { Envelope, EnvelopeParameter } from "./file.ts";

/** Decides from an envelope: no allocation, one dot product for each placement. */
export interface Decider {
  /**
   * The placement that is best in a state.
   *
   * @param values one for each parameter: bits per second of its first link, or the slow-down
   * @returns its position in the envelope
   */
  decide(values: ArrayLike<number>): number;
  /** What a placement costs in a state: seconds or joules. */
  costOf(placement: number, values: ArrayLike<number>): number;
}

/** Lays an envelope out for deciding. O(placements · parameters) time and memory. */
export function createDecider(envelope: Envelope): Decider {
  const { parameters, placements } = envelope;
  const width = parameters.length + 1;
  const lines = Float64Array.from(
    placements.flatMap(({ constant, slopes }) => [constant, ...slopes]),
  );
  // A bandwidth's coordinate is nominal ÷ value, a slow-down's the value: 0 tells them apart.
  const nominals = Float64Array.from(parameters, nominalOf);
  const at = new Float64Array(parameters.length);
  const read = (values: ArrayLike<number>): void => {
    for (let position = 0; position < at.length; position++) {
      const nominal = nominals[position] as number;
      const value = values[position] as number;
      at[position] = nominal === 0 ? value : nominal / value;
    }
  };
  const costAt = (offset: number): number => {
    let cost = lines[offset] as number;
    for (let position = 0; position < at.length; position++) {
      cost += (lines[offset + 1 + position] as number) * (at[position] as number);
    }
    return cost;
  };
  return {
    decide: (values) => {
      read(values);
      let best = 0;
      let least = Number.POSITIVE_INFINITY;
      for (let offset = 0, line = 0; offset < lines.length; offset += width, line++) {
        const cost = costAt(offset);
        if (cost >= least) continue;
        least = cost;
        best = line;
      }
      return best;
    },
    costOf: (placement, values) => {
      read(values);
      return costAt(placement * width);
    },
  };
}

/** Where one placement is the best while one parameter changes. */
export interface Reign {
  readonly placement: number;
  /** Of the parameter: bits per second or slow-down. */
  readonly from: number;
  readonly to: number;
}

/**
 * Says at which values of one parameter the decision changes, all others held: the placements in
 * ascending order of the parameter, over its whole range. O(placements²) time.
 *
 * @param values of all parameters; that of the one that changes is not read
 */
export function findReigns(
  envelope: Envelope,
  parameter: number,
  values: ArrayLike<number>,
): readonly Reign[] {
  const changing = envelope.parameters[parameter] as EnvelopeParameter;
  const nominal = nominalOf(changing);
  const [least, most] = rangeOf(changing);
  const toCoordinate = (value: number): number => (nominal === 0 ? value : nominal / value);
  const lines = envelope.placements.map(({ constant, slopes }) => {
    const held = slopes.reduce((sum, slope, position) => {
      if (position === parameter) return sum;
      const other = nominalOf(envelope.parameters[position] as EnvelopeParameter);
      const value = values[position] as number;
      return sum + slope * (other === 0 ? value : other / value);
    }, constant);
    return { constant: held, slope: slopes[parameter] ?? 0 };
  });
  const ends = [toCoordinate(least), toCoordinate(most)].sort((a, b) => a - b) as [number, number];
  const reigns = envelopeOfLines(lines, ends).map(({ line, from, to }) => {
    const [low, high] = [from, to].map((end) => (nominal === 0 ? end : nominal / end));
    return {
      placement: line,
      from: Math.min(low as number, high as number),
      to: Math.max(low as number, high as number),
    };
  });
  return reigns.sort((a, b) => a.from - b.from);
}

/** What is best, and from which coordinate to which, from the least coordinate on. */
function envelopeOfLines(
  lines: readonly { readonly constant: number; readonly slope: number }[],
  [first, last]: readonly [number, number],
): { line: number; from: number; to: number }[] {
  const found: { line: number; from: number; to: number }[] = [];
  const costAt = (line: number, at: number): number => {
    const { constant, slope } = lines[line] as (typeof lines)[number];
    return constant + slope * at;
  };
  const slopeOf = (line: number): number => lines[line]?.slope ?? 0;
  const all = lines.map((_, line) => line);
  let from = first;
  let line = all.reduce((best, other) => {
    const difference = costAt(other, first) - costAt(best, first);
    return difference < 0 || (difference === 0 && slopeOf(other) < slopeOf(best)) ? other : best;
  });
  for (;;) {
    let next = -1;
    let to = last;
    for (const other of all) {
      if (slopeOf(other) >= slopeOf(line)) continue;
      const gap = costAt(other, from) - costAt(line, from);
      const crossing = from + Math.max(0, gap) / (slopeOf(line) - slopeOf(other));
      if (crossing > to || (crossing === to && (next < 0 || slopeOf(other) > slopeOf(next))))
        continue;
      to = crossing;
      next = other;
    }
    if (to > from) found.push({ line, from, to });
    if (next < 0) return found;
    line = next;
    from = to;
  }
}

function nominalOf(parameter: EnvelopeParameter): number {
  return parameter.type === "bandwidth" ? parameter.nominalBitsPerSecond : 0;
}

/** A parameter's range: bits per second or slow-downs. */
export function rangeOf(parameter: EnvelopeParameter): readonly [number, number] {
  return parameter.type === "bandwidth"
    ? [parameter.leastBitsPerSecond, parameter.mostBitsPerSecond]
    : [parameter.least, parameter.most];
}
