import { heatMap } from "../charts.ts";
import type { StudyChart } from "../study.ts";
import type { Grid, ObjectiveName, PairCell } from "./cells.ts";
import { gainOf, noGain } from "./tables.ts";

/** Darker does not mean more beyond this. */
const mostGain = 4;

/** Where splitting wins: networks over bandwidths, a panel for each input and server. */
export function gainMap(
  cells: readonly PairCell[],
  grid: Grid,
  objective: ObjectiveName,
): StudyChart {
  const own = cells.filter((cell) => cell.objective === objective);
  const panels = grid.inputs.flatMap((input) =>
    grid.serverFactors.map((factor) => ({ input, factor })),
  );
  const networks = grid.networks.filter((network) => own.some((cell) => cell.network === network));
  const shown = panels.flatMap(({ input, factor }) =>
    networks.flatMap((network) =>
      grid.bandwidths.map((bandwidth) => {
        const cell = own.find(
          (one) =>
            one.network === network &&
            one.input === input &&
            one.serverFactor === factor &&
            one.bandwidthBitsPerSecond === bandwidth,
        );
        const gain = cell === undefined ? null : gainOf(cell);
        return {
          x: String(Number((bandwidth / 1e6).toPrecision(2))),
          y: network,
          value: gain,
          text: gain === null || gain < 1 + noGain ? "" : gain.toFixed(gain < 1.095 ? 2 : 1),
          panel: `server ${factor}x, ${input} input`,
        };
      }),
    ),
  );
  return {
    suffix: objective === "latency" ? "" : objective,
    caption: `Where splitting wins for ${objective}: best single device ÷ exact, by network and bandwidth`,
    spec: heatMap({
      title: `Where splitting wins: ${objective}`,
      subtitle: `best single device ÷ exact; a figure stands where it gains at least 1 %`,
      panels: { columns: grid.serverFactors.length },
      cells: shown,
      xTitle: "Mbit/s",
      yTitle: "",
      colour: { title: "gain", domain: [1, mostGain], scale: "log" },
      cell: { width: 26, height: 17 },
    }),
  };
}
