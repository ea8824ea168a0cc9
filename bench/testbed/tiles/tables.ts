/**
 * What `testbed-tiles` found, as text.
 *
 * @module
 */
import { formatQuantity } from "../../../dist/base/units.js";
import type { Cell, Row } from "./cell.js";

/** @param hopSeconds what a hop costs the agent that gets it, at the profile's speed */
export function tablesOf(cells: readonly Cell[], hopSeconds: number): string {
  const of = (part: string): readonly Cell[] => cells.filter((cell) => cell.part === part);
  return [
    "# Tiles on the test bed",
    "",
    '`npm run bench -- testbed-tiles`: real agents and a real coordinator over TLS in network namespaces, each device with a part of a core and each link with a rate of its own; inputs are float32 and come from the first device, which also gets the answer. Plans are made for the speeds measured before; predictions are of these plans for the geometric means of the speeds before and after all runs of a cell, of the pipeline before and after each run, for 15 s and by means, since this shared machine changes by a fifth within minutes. Every answer is compared with that of the whole model in one process. Latencies are medians: now and then a request takes twice as long on this shared machine, with tiles and without; means stand in the JSON, and "by means" below.',
    "",
    `Profiles are measured within one process. What the messages of a hop cost the agents besides (reading, encryption, slicing, stitching, handing to the session) was measured first: ${time(hopSeconds)} for each hop, at the profile's speed. It stands in every prediction and every plan below as the \`overheadSeconds\` of the receiver.`,
    "",
    ...section("Two equal devices, VGG-16", of("target"), targetLines),
    ...section("Two equal boards, VGG-16", of("boards"), boardLines),
    ...section("Device, one, two or four machines of an edge, cloud", of("d3"), tierLines),
    ...section("Five unlike devices, many requests in flight", of("pipeline"), (cells) =>
      plainLines(cells),
    ),
    ...errorLines(cells),
  ].join("\n");
}

function section(
  title: string,
  cells: readonly Cell[],
  linesOf: (cells: readonly Cell[]) => readonly string[],
): readonly string[] {
  return cells.length === 0 ? [] : [`## ${title}`, "", ...linesOf(cells), ""];
}

function boardLines(cells: readonly Cell[]): readonly string[] {
  const slow = cells.map(({ name, slowdown }) => `${name} s: ${slowdown.toFixed(1)} times as slow`);
  return [
    `As above, but devices are slow at what is computed and not at messages, as boards are beside servers: \`partita up\` lets each run of a part take some times as long as it took, and paces links (no TLS there). What may be shared takes so long on one device (${slow.join("; ")}, with a whole core each).`,
    "",
    ...targetTable(cells, "what may be shared", ({ name }) => `${name} s`),
  ];
}

/** The first row of a cell is one device alone, of which the others are to be some times as fast. */
function targetLines(cells: readonly Cell[]): readonly string[] {
  return [
    "Convolutions alone: what a request takes without the last stage, which is not shared, against the same part of one device's time.",
    "",
    ...targetTable(cells, "part of a core", ({ quotas }) => `${Object.values(quotas)[0]} %`),
  ];
}

function targetTable(
  cells: readonly Cell[],
  first: string,
  nameOf: (cell: Cell) => string,
): readonly string[] {
  const head = [
    ...[first, "link", "one device", "predicted", "tiles", "predicted"],
    ...["times as fast", "by means", "predicted", "convolutions alone", "bit-equal"],
    "worst difference",
  ];
  return [
    line(head),
    line(head.map(() => "---")),
    ...cells.flatMap((cell) => {
      const [alone, ...tiled] = cell.rows;
      if (alone === undefined) return [];
      return tiled.map((row) => line(targetRow(nameOf(cell), alone, row)));
    }),
  ];
}

function targetRow(name: string, alone: Row, row: Row): string[] {
  const [one, two] = [alone.measured, row.measured];
  const gain = (one?.seconds ?? Number.NaN) / (two?.seconds ?? Number.NaN);
  const shared =
    ((one?.seconds ?? Number.NaN) * row.sharedPart) / (two?.sharedSeconds ?? Number.NaN);
  return [
    name,
    `${row.megabitsPerSecond[0]} Mbit/s`,
    time(one?.seconds),
    time(alone.predictedSeconds),
    time(two?.seconds),
    time(row.predictedSeconds),
    times(gain),
    times((one?.meanSeconds ?? Number.NaN) / (two?.meanSeconds ?? Number.NaN)),
    times(alone.predictedSeconds / row.predictedSeconds),
    times(shared),
    `${two?.bitEqual} of ${two?.asked}`,
    String(two?.worstDifference),
  ];
}

function tierLines(cells: readonly Cell[]): readonly string[] {
  const regionOf = (row: Row, { rows }: Cell): string => {
    const edge = rows.find(({ what }) => what === "edge only")?.measured?.seconds ?? Number.NaN;
    return times((edge * row.sharedPart) / (row.measured?.sharedSeconds ?? Number.NaN));
  };
  return [
    "Shared region: what a request takes without the stages that are not shared, transfers included, against the same part of the time of one machine of the edge.",
    "",
    ...plainLines(cells, "shared region", regionOf),
  ];
}

/** @param last a column of its own */
function plainLines(
  cells: readonly Cell[],
  last?: string,
  lastOf: (row: Row, cell: Cell) => string = () => "",
): readonly string[] {
  const head = [
    ...["network", "plan", "stages", "most share one", "measured", "predicted", "off by"],
    ...["against the first", "bit-equal", "worst difference"],
  ];
  const more = (text: string): string[] => (last === undefined ? [] : [text]);
  return [
    line([...head, ...more(last ?? "")]),
    line([...head, ...more("")].map(() => "---")),
    ...cells.flatMap((cell) =>
      cell.rows.map((row) =>
        line([...plainRow(cell.network, row, cell.rows[0]), ...more(lastOf(row, cell))]),
      ),
    ),
  ];
}

function plainRow(network: string, row: Row, first: Row | undefined): string[] {
  const { what, refusal, stages, members, measured, predictedSeconds, sameAs } = row;
  if (refusal !== null) return [network, what, refusal, "", "", "", "", "", "", ""];
  const places = stages.length > 4 ? [...stages.slice(0, 3), `… ${stages.at(-1)}`] : stages;
  const seconds = measured?.seconds;
  return [
    network,
    sameAs === null ? what : `${what} (as ${sameAs})`,
    `${stages.length}: ${places.join(", ")}`,
    String(members),
    time(seconds),
    time(predictedSeconds),
    seconds === undefined ? "" : percent(predictedSeconds / seconds - 1),
    times((first?.measured?.seconds ?? Number.NaN) / (seconds ?? Number.NaN)),
    measured === null ? "modelled" : `${measured.bitEqual} of ${measured.asked}`,
    measured === null ? "" : String(measured.worstDifference),
  ];
}

function errorLines(cells: readonly Cell[]): readonly string[] {
  const rows = cells
    .filter(({ part }) => part !== "hops")
    .flatMap((cell) => cell.rows.map((row) => ({ ...row, part: cell.part })))
    .filter(({ measured, sameAs }) => measured !== null && sameAs === null);
  if (rows.length === 0) return [];
  const errorOf = (part: string): string => {
    const errors = rows
      .filter((row) => row.part === part)
      .map((row) => Math.abs(row.predictedSeconds / (row.measured?.seconds ?? Number.NaN) - 1));
    const mean = errors.reduce((sum, one) => sum + one, 0) / errors.length;
    return errors.length === 0
      ? ""
      : `${part}: ${percent(mean)} of ${errors.length} plans, at most ${percent(Math.max(...errors))}`;
  };
  const told = ["target", "boards", "d3", "pipeline"].map(errorOf).filter((text) => text !== "");
  const asked = rows.reduce((sum, { measured }) => sum + (measured?.asked ?? 0), 0);
  const answered = rows.reduce((sum, { measured }) => sum + (measured?.answered ?? 0), 0);
  const equal = rows.reduce((sum, { measured }) => sum + (measured?.bitEqual ?? 0), 0);
  const worst = Math.max(...rows.map(({ measured }) => measured?.worstDifference ?? 0));
  return [
    "## All together",
    "",
    `Prediction against measurement, mean of the absolute errors: ${told.join("; ")}.`,
    "",
    `${answered} of ${asked} requests answered, ${equal} with the bits of the whole model; worst difference ${worst} of the largest magnitude.`,
    "",
  ];
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

function time(value: number | undefined): string {
  return value === undefined ? "" : formatQuantity(value, "s", 3);
}

function times(value: number): string {
  return Number.isFinite(value) ? `${value.toFixed(2)}x` : "";
}

function percent(value: number): string {
  return `${(100 * value).toFixed(1)} %`;
}
