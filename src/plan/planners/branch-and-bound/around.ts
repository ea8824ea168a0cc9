import type { Placement } from "../../problem.ts";
import { type Domains, isDecided, type SearchSpace } from "../../search-space.ts";
import type { Champion } from "./champion.ts";
import { searchFrontier } from "./sweep.ts";

/** Units of a window; windows overlap by half. */
const windowUnits = 60;
const sweepWidth = 500;
/** Times that all neighbourhoods are gone through. */
const mostRounds = 3;

/**
 * Looks for something better around the champion, where the frontier is too wide for all placements:
 * every unit stays or goes to one and the same device; or the units of a window go anywhere, and all
 * others stay. Each of these neighbourhoods is searched along its own, smaller frontier.
 */
export function* searchAround(space: SearchSpace, champion: Champion): Generator<unknown, void> {
  for (let round = 0; round < mostRounds; round++) {
    const before = champion.cutoff;
    for (const near of neighbourhoods(space)) {
      const { placement } = champion;
      if (placement === null) return;
      const domains = near(devicesOf(space, placement));
      if (domains.every(isDecided)) continue;
      yield* searchFrontier({ ...space, domains }, champion, 0, { widest: sweepWidth });
    }
    if (champion.cutoff === before) break;
  }
}

type Neighbourhood = (devices: Domains) => Domains;

function neighbourhoods({ problem, units, domains }: SearchSpace): Neighbourhood[] {
  const moves = problem.devices.map(
    (_, device): Neighbourhood =>
      (own) =>
        own.map((set, unit) => set | ((domains[unit] as number) & (1 << device))),
  );
  const windows: Neighbourhood[] = [];
  for (let first = 0; first < units.length; first += windowUnits / 2) {
    windows.push((own) =>
      own.map((set, unit) =>
        unit >= first && unit < first + windowUnits ? (domains[unit] as number) : set,
      ),
    );
  }
  return [...moves, ...windows];
}

function devicesOf({ units }: SearchSpace, placement: Placement): Domains {
  return Int32Array.from(units, ([node]) => 1 << (placement[node as number] as number));
}
