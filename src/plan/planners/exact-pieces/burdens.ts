import type { PiecesModel } from "./model.ts";

/**
 * A weight for each piece: devices that are not used yet have to take all that is left, each in one
 * run. Any weights give a condition that every chain keeps.
 */
export interface Burden {
  /** Of the pieces from each on. */
  readonly weights: Float64Array;
  /** The most that a run on each device can weigh within the period. */
  readonly rooms: Float64Array;
  readonly allRoom: number;
}

/**
 * Two burdens for a period: the work of the pieces, and a count of those that few devices can run at
 * all, for the number of devices where that is tightest (Hall's condition, for such sets).
 * O(pieces² · devices) time.
 */
export function findBurdens(model: PiecesModel, period: number): Burden[] {
  const count = model.cuts.length;
  const able = Array.from({ length: count }, (_, piece) =>
    model.runners.reduce((sum, device) => sum + (canRun(model, period, device, piece) ? 1 : 0), 0),
  );
  const counted = [...new Set(able)].map((most) =>
    burdenOf(model, period, (piece) => ((able[piece] as number) <= most ? 1 : 0)),
  );
  const slack = ({ allRoom, weights }: Burden): number => allRoom / (weights[0] as number);
  const tightest = counted.reduce<Burden | undefined>(
    (best, burden) => (best === undefined || slack(burden) < slack(best) ? burden : best),
    undefined,
  );
  const work = burdenOf(model, period, (piece) => leastWork(model, piece));
  return tightest === undefined ? [work] : [work, tightest];
}

/** What devices can take that a chain does not use. */
export function roomLeft({ rooms, allRoom }: Burden, used: readonly number[]): number {
  let left = allRoom;
  for (const device of used) left -= rooms[device] as number;
  return left;
}

function canRun(model: PiecesModel, period: number, device: number, piece: number): boolean {
  if ((model.reach[device]?.[piece] as number) === piece) return false;
  return received(model, device, piece) + between(model, device, piece, piece + 1) <= period;
}

function received({ cuts }: PiecesModel, device: number, piece: number): number {
  return piece === 0 ? 0 : (cuts[piece]?.leastReceive[device] as number);
}

function between({ seconds }: PiecesModel, device: number, start: number, end: number): number {
  const sums = seconds[device] as Float64Array;
  return (sums[end] as number) - (sums[start] as number);
}

/** What a piece takes of a device's whole work, on the device where that is least. */
function leastWork(model: PiecesModel, piece: number): number {
  let least = Number.POSITIVE_INFINITY;
  for (const device of model.runners) {
    if ((model.reach[device]?.[piece] as number) === piece) continue;
    const whole = between(model, device, 0, model.cuts.length);
    const own = between(model, device, piece, piece + 1);
    least = Math.min(least, whole > 0 ? own / whole : 0);
  }
  return Number.isFinite(least) ? least : 0;
}

function burdenOf(model: PiecesModel, period: number, weigh: (piece: number) => number): Burden {
  const count = model.cuts.length;
  const weights = new Float64Array(count + 1);
  for (let piece = count - 1; piece >= 0; piece--) {
    weights[piece] = (weights[piece + 1] as number) + weigh(piece);
  }
  const rooms = new Float64Array(model.problem.devices.length);
  let allRoom = 1e-12 * (weights[0] as number);
  for (const device of model.runners) {
    const room = roomOf(model, period, device, weights);
    rooms[device] = room;
    allRoom += room;
  }
  return { weights, rooms, allRoom };
}

/** The most that a run on a device can weigh within a period. */
function roomOf(model: PiecesModel, period: number, device: number, weights: Float64Array): number {
  let most = 0;
  let end = 0;
  for (let start = 0; start < model.cuts.length; start++) {
    const base = received(model, device, start);
    const last = model.reach[device]?.[start] as number;
    end = Math.max(end, start);
    while (end < last && base + between(model, device, start, end + 1) <= period) end++;
    most = Math.max(most, (weights[start] as number) - (weights[end] as number));
  }
  return most;
}
