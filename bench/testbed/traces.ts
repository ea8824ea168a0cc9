/**
 * Bandwidths of access links over time, made up from a few stated parameters and a seed. No public
 * recording is part of this package; medians and spreads are of the size that drive and walk tests of
 * each kind of network report, and are stated here so that others can be tried.
 *
 * @module
 */
export interface TraceModel {
  readonly name: string;
  readonly seed: number;
  readonly medianBitsPerSecond: number;
  /** Of the logarithm, in the long run. */
  readonly sigma: number;
  /** How much of the deviation from the median is left after one second. */
  readonly persistence: number;
  /** How often a second begins a hole, for how long on average, and the share of the rate in it. */
  readonly holes: {
    readonly perSecond: number;
    readonly meanSeconds: number;
    readonly share: number;
  };
  readonly leastBitsPerSecond: number;
  readonly mostBitsPerSecond: number;
}

export const traceModels: readonly TraceModel[] = [
  {
    name: "3g",
    seed: 3,
    medianBitsPerSecond: 2e6,
    sigma: 0.6,
    persistence: 0.9,
    holes: { perSecond: 1 / 60, meanSeconds: 4, share: 0.15 },
    leastBitsPerSecond: 0.1e6,
    mostBitsPerSecond: 8e6,
  },
  {
    name: "4g",
    seed: 4,
    medianBitsPerSecond: 20e6,
    sigma: 0.7,
    persistence: 0.85,
    holes: { perSecond: 1 / 80, meanSeconds: 5, share: 0.08 },
    leastBitsPerSecond: 0.5e6,
    mostBitsPerSecond: 80e6,
  },
  {
    name: "5g",
    seed: 5,
    medianBitsPerSecond: 120e6,
    sigma: 0.8,
    persistence: 0.8,
    // Millimetre waves: a wall or a hand in the way leaves little.
    holes: { perSecond: 1 / 25, meanSeconds: 6, share: 0.02 },
    leastBitsPerSecond: 1e6,
    mostBitsPerSecond: 400e6,
  },
  {
    name: "wifi-drop",
    seed: 6,
    medianBitsPerSecond: 60e6,
    sigma: 0.15,
    persistence: 0.7,
    // Out of range of the access point for a while, and back.
    holes: { perSecond: 1 / 40, meanSeconds: 15, share: 0.015 },
    leastBitsPerSecond: 0.5e6,
    mostBitsPerSecond: 100e6,
  },
];

export interface TraceRow {
  readonly seconds: number;
  readonly bitsPerSecond: number;
}

/** Uniform in [0, 1). */
interface Chance {
  next(): number;
}

/** One rate a second: a mean-reverting walk of the logarithm, with holes. */
export function makeTrace(model: TraceModel, seconds: number, random: Chance): TraceRow[] {
  const { sigma, persistence, holes } = model;
  const kick = sigma * Math.sqrt(1 - persistence ** 2);
  let deviation = 0;
  let holeEnds = 0;
  return Array.from({ length: seconds }, (_, second) => {
    deviation = persistence * deviation + kick * normal(random);
    const begins = random.next() < holes.perSecond;
    const length = Math.max(1, Math.round(-Math.log(1 - random.next()) * holes.meanSeconds));
    if (second >= holeEnds && begins) holeEnds = second + length;
    const share = second < holeEnds ? holes.share : 1;
    const rate = model.medianBitsPerSecond * Math.exp(deviation) * share;
    const kept = Math.min(model.mostBitsPerSecond, Math.max(model.leastBitsPerSecond, rate));
    return { seconds: second, bitsPerSecond: Math.round(kept / 1e4) * 1e4 };
  });
}

/** As `partita simulate --trace` reads it. */
export function writeTrace(rows: readonly TraceRow[], link: string): string {
  const lines = rows.map(({ seconds, bitsPerSecond }) => `${seconds},${link},${bitsPerSecond}`);
  return `seconds,link,bandwidthBitsPerSecond\n${lines.join("\n")}\n`;
}

function normal(random: Chance): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random.next()));
  return radius * Math.cos(2 * Math.PI * random.next());
}
