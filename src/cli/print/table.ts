import Table from "cli-table3";
import type { Terminal } from "../terminal.ts";

export interface Column {
  readonly head: string;
  /** Numbers stand right. */
  readonly align?: "left" | "right";
}

type Cell = string | number;

const noBorders = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: "   ",
};

/** Lays rows out under their heads, without borders. */
export function formatTable(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  terminal: Terminal,
): string {
  const { dim } = terminal.colours;
  const table = new Table({
    chars: noBorders,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0, compact: true },
    colAligns: columns.map(({ align }) => align ?? "left"),
  });
  table.push(
    columns.map(({ head }) => dim(head)),
    ...rows.map((row) => row.map(String)),
  );
  return table
    .toString()
    .split("\n")
    .map((line) => `  ${line.trimEnd()}`)
    .join("\n");
}

/** Lays named figures out in two columns. */
export function formatFacts(
  facts: readonly (readonly [string, Cell])[],
  terminal: Terminal,
): string {
  const width = Math.max(0, ...facts.map(([name]) => name.length));
  const { dim } = terminal.colours;
  return facts
    .map(([name, value]) => {
      const [first = "", ...others] = String(value).split("\n");
      const more = others.map((line) => `\n  ${" ".repeat(width)}   ${line}`).join("");
      return `  ${dim(name.padEnd(width))}   ${first}${more}`;
    })
    .join("\n");
}
