import { formatQuantity } from "../../base/units.ts";
import type { Place } from "../../server/repository/hosted-models.ts";
import type { Terminal } from "../terminal.ts";
import { formatStages } from "./plan.ts";

/** Where models are going to run, each beside the others, or why they are not. */
export function printPlaces(places: ReadonlyMap<string, Place>, terminal: Terminal): void {
  const { bold } = terminal.colours;
  for (const [name, place] of places) {
    if ("infeasible" in place) {
      terminal.line(`${bold(name)}: no place was found for it: ${place.infeasible}`);
      continue;
    }
    const { latencySeconds, throughputPerSecond } = place.claimed;
    const rate = Number(throughputPerSecond.toPrecision(3));
    const { most } = place.batch ?? { most: 1 };
    const joined = most === 1 ? "" : `, up to ${most} requests as one`;
    terminal.line(
      `${bold(name)}: predicted latency ${formatQuantity(latencySeconds, "s")}, at most ${rate} /s beside the others${joined}`,
    );
    terminal.line(formatStages(place, terminal));
  }
  terminal.line();
}
