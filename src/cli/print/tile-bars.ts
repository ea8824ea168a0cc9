/**
 * What stands in boxes of pictures with tiles, in the HTML of the DOT language.
 *
 * @module
 */
import { commonRegion, type Region, type Rows, regionSize } from "../../graph/window.ts";

/** What several tiles read: each has it, or computes it, by itself. */
const haloColour = "#d9822b";
const absentColour = "#ffffff";
export const travelling: string = "#c03000";
const staying = "#555555";

const barHeight = 60;
const widest = 72;
const narrowest = 24;
const leastSide = 2;

/** A tensor's rows and columns to scale, in cells: its own, what others read too, and the rest. */
export function barOf(
  extents: readonly number[],
  own: Region,
  others: readonly Region[],
  fill: string,
): string {
  const [height = 1, width = 1] = extents;
  const barWidth = Math.min(widest, Math.max(narrowest, (barHeight * width) / height));
  const [down = [], across = []] = extents.map((extent, axis) =>
    spansOf(axis, extent, own, others),
  );
  const colourAt = (row: Rows, column: Rows): string => colourIn([row, column], own, others, fill);
  const rows = joined(down, (row) => across.map((column) => colourAt(row, column)).join(" "));
  const columns = joined(across, (column) => down.map((row) => colourAt(row, column)).join(" "));
  const lines = rows.map((row) => {
    const cells = columns.map((column) => {
      const sides = `WIDTH="${side(column, width, barWidth)}" HEIGHT="${side(row, height, barHeight)}"`;
      return `<TD FIXEDSIZE="TRUE" ${sides} BGCOLOR="${colourAt(row, column)}"></TD>`;
    });
    return `<TR>${cells.join("")}</TR>`;
  });
  const sum = (spans: readonly Rows[], extent: number, length: number): number =>
    spans.reduce((total, span) => total + side(span, extent, length), 0);
  const size = `WIDTH="${2 + sum(columns, width, barWidth)}" HEIGHT="${2 + sum(rows, height, barHeight)}"`;
  return `<TABLE BORDER="1" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0" FIXEDSIZE="TRUE" ${size}>${lines.join("")}</TABLE>`;
}

/** Spans that lie side by side and look alike are one. */
function joined(spans: readonly Rows[], looksOf: (span: Rows) => string): Rows[] {
  const found: { span: Rows; looks: string }[] = [];
  for (const span of spans) {
    const last = found.at(-1);
    const looks = looksOf(span);
    if (last === undefined || last.looks !== looks) found.push({ span, looks });
    else last.span = { from: last.span.from, to: span.to };
  }
  return found.map(({ span }) => span);
}

function spansOf(axis: number, extent: number, own: Region, others: readonly Region[]): Rows[] {
  const edges = [own, ...others].flatMap((region) => {
    const { from, to } = region[axis] as Rows;
    return [from, to];
  });
  const bounds = [...new Set([0, ...edges, extent])].sort((a, b) => a - b);
  return bounds.slice(1).map((to, at) => ({ from: bounds[at] as number, to }));
}

function side({ from, to }: Rows, extent: number, length: number): number {
  return Math.max(leastSide, Math.round((length * (to - from)) / extent));
}

function colourIn(cell: Region, own: Region, others: readonly Region[], fill: string): string {
  const isIn = (region: Region): boolean => regionSize(commonRegion(cell, region)) > 0;
  if (!isIn(own)) return absentColour;
  return others.some(isIn) ? haloColour : fill;
}

/** What the colours mean. */
export function legend(): string[] {
  const cell = (colour: string) =>
    `<TD FIXEDSIZE="TRUE" WIDTH="12" HEIGHT="12" BORDER="1" BGCOLOR="${colour}"></TD>`;
  const words = (text: string) => `<TD ALIGN="LEFT">${text}</TD>`;
  const label = [
    '<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="3">',
    `<TR>${cell(haloColour)}${words("halo: several tiles read it")}</TR>`,
    `<TR>${cell(absentColour)}${words("read, or made, by others")}</TR>`,
    `<TR><TD><FONT COLOR="${travelling}">→</FONT></TD>${words("sent to another device")}</TR>`,
    `<TR><TD><FONT COLOR="${staying}">→</FONT></TD>${words("stays on its device")}</TR>`,
    "</TABLE>",
  ].join("");
  return [`  legend [label=<${label}>, shape=plain, style="", fillcolor=white];`];
}

export function escaped(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
