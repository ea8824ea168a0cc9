import type { TopLevelSpec } from "vega-lite";
import { findReigns, rangeOf } from "../../plan/envelope/decision.ts";
import type { Envelope, EnvelopeParameter, EnvelopePlacement } from "../../plan/envelope/file.ts";
import { nameOfParameter, statedValues, summarisePlacement } from "../print/envelope.ts";

/** Rows of the map; along a row the borders are exact. */
const rows = 120;

/**
 * Which placement is the best by the first parameter and, if there is one, the second; the others
 * as stated.
 */
export function envelopeMap(envelope: Envelope): TopLevelSpec {
  const [first, second] = envelope.parameters as readonly [EnvelopeParameter, EnvelopeParameter?];
  const values = statedValues(envelope);
  const cells = steps(second).flatMap(([low, high, middle]) => {
    const at = values.map((value, position) => (position === 1 ? middle : value));
    return findReigns(envelope, 0, at).map(({ placement, from, to }) => ({
      x: from / unitOf(first),
      x2: to / unitOf(first),
      y: low / unitOf(second),
      y2: high / unitOf(second),
      placement: labelOf(envelope, placement),
    }));
  });
  const seen = new Set(cells.map(({ placement }) => placement));
  const order = envelope.placements
    .map((_, placement) => labelOf(envelope, placement))
    .filter((label) => seen.has(label));
  const axis = (parameter: EnvelopeParameter | undefined) => ({
    type: "quantitative" as const,
    scale: { type: "log" as const, nice: false, domain: domainOf(parameter) },
    title: titleOf(parameter),
    ...(parameter === undefined ? { axis: null } : {}),
  });
  return {
    width: 480,
    height: second === undefined ? 60 : 360,
    title: `The best placement for ${envelope.objective}`,
    data: { values: cells },
    mark: { type: "rect", strokeWidth: 0 },
    encoding: {
      x: { field: "x", ...axis(first) },
      x2: { field: "x2" },
      y: { field: "y", ...axis(second) },
      y2: { field: "y2" },
      color: {
        field: "placement",
        type: "nominal",
        scale: { scheme: order.length > 10 ? "tableau20" : "tableau10", domain: order },
        legend: { title: "nodes", labelLimit: 400, symbolLimit: 40 },
      },
    },
  };
}

/** Low end, high end and geometric middle of each row. */
function steps(parameter: EnvelopeParameter | undefined): [number, number, number][] {
  if (parameter === undefined) return [[1, 2, 1]];
  const [least, most] = rangeOf(parameter);
  const edge = (row: number): number => least * (most / least) ** (row / rows);
  return Array.from({ length: rows }, (_, row) => [edge(row), edge(row + 1), edge(row + 0.5)]);
}

function domainOf(parameter: EnvelopeParameter | undefined): number[] {
  if (parameter === undefined) return [1, 2];
  return rangeOf(parameter).map((end) => end / unitOf(parameter));
}

/** Bandwidths are drawn in Mbit/s. */
function unitOf(parameter: EnvelopeParameter | undefined): number {
  return parameter?.type === "bandwidth" ? 1e6 : 1;
}

function titleOf(parameter: EnvelopeParameter | undefined): string | null {
  if (parameter === undefined) return null;
  return `${nameOfParameter(parameter)}${parameter.type === "bandwidth" ? ", Mbit/s" : ""}`;
}

function labelOf(envelope: Envelope, placement: number): string {
  const own = envelope.placements[placement] as EnvelopePlacement;
  return `${placement + 1}: ${summarisePlacement(envelope, own)}`;
}
