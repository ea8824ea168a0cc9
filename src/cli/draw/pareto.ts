import type { TopLevelSpec } from "vega-lite";
import type { Front, Values } from "../../plan/pareto.ts";
import { drawChart } from "./chart.ts";

/** Figures that differ by more than this need a logarithmic scale. */
const wide = 20;

/** An axis as it is drawn: in a unit that leaves readable numbers. */
interface Drawn {
  readonly title: string;
  readonly isWide: boolean;
  /** Room around the points would reach below 0, which no figure does. */
  readonly isFromZero: boolean;
  of(value: number): number;
}

/** Draws a front, and everything on one device where that is near. Returns SVG. */
export async function drawFront(front: Front): Promise<string> {
  const near = Object.entries(front.alternatives).filter(([, values]) => isNear(front, values));
  const [x, y] = [0, 1].map((axis) =>
    drawnAxis(
      front,
      axis as 0 | 1,
      near.map(([, values]) => values),
    ),
  ) as [Drawn, Drawn];
  const at = (values: Values) => ({ x: x.of(values[0]), y: y.of(values[1]) });
  const points = front.points.map(({ values, gap }, position) => ({
    ...at(values),
    name: String(position),
    proof: gap === 0 ? "proven" : "with a gap",
  }));
  const single = near.map(([name, values]) => ({ ...at(values), name: `all on ${name}` }));
  const far = Object.keys(front.alternatives).filter(
    (name) => !near.some(([known]) => known === name),
  );
  const place = { x: encode(x, "x"), y: encode(y, "y") };
  const line = {
    mark: {
      type: "line" as const,
      color: ink,
      interpolate: front.method === "supported" ? ("linear" as const) : stepOf(front),
      strokeWidth: 1.5,
    },
    encoding: place,
  };
  const dots = {
    mark: { type: "point" as const, filled: true, size: 60, opacity: 1 },
    encoding: { ...place, color: colourOf(points.some(({ proof }) => proof !== "proven")) },
  };
  const crosses = {
    mark: { type: "point" as const, shape: "cross", color: grey, size: 60 },
    encoding: place,
  };
  const spec: TopLevelSpec = {
    title: {
      text: `${front.axes[0]} against ${front.axes[1]}`,
      ...(far.length === 0 ? {} : { subtitle: `further off: all on ${far.join(", all on ")}` }),
    },
    width: 520,
    height: 360,
    layer: [
      { data: { values: single }, layer: [crosses, labels(place, 8, -16, grey)] },
      { data: { values: points }, layer: [line, dots, labels(place, 7, -7, ink)] },
    ],
  };
  return drawChart(spec);
}

const ink = "#4c78a8";
const grey = "#777";

function encode({ title, isWide, isFromZero }: Drawn, field: string) {
  const scale = isWide
    ? { type: "log" as const, nice: false, padding: 12 }
    : { zero: isFromZero, nice: true, ...(isFromZero ? {} : { padding: 12 }) };
  return { field, type: "quantitative" as const, title, scale };
}

function labels(
  place: { readonly x: ReturnType<typeof encode>; readonly y: ReturnType<typeof encode> },
  dx: number,
  dy: number,
  color: string,
) {
  return {
    mark: { type: "text" as const, dx, dy, align: "left" as const, color, fontSize: 11 },
    encoding: { ...place, text: { field: "name", type: "nominal" as const } },
  };
}

/** One colour needs no legend. */
function colourOf(hasGaps: boolean) {
  const scale = { domain: ["proven", "with a gap"], range: [ink, "#f58518"] };
  return {
    field: "proof",
    type: "nominal" as const,
    title: null,
    scale,
    legend: hasGaps ? { orient: "bottom" as const } : null,
  };
}

/** Whether a mark can be drawn without pressing the front into a corner. */
function isNear({ points }: Front, values: Values): boolean {
  return values.every((value, axis) => {
    const own = points.map((point) => point.values[axis] as number);
    const [least, most] = [Math.min(...own), Math.max(...own)];
    return value <= most + (most > least ? most - least : most / 2);
  });
}

/** Between two points by limits the better one on the left holds until the next is reached. */
function stepOf({ axes }: Front): "step-after" | "step-before" {
  return axes[0] === "throughput" ? "step-before" : "step-after";
}

function drawnAxis({ axes, units, points }: Front, axis: 0 | 1, others: readonly Values[]): Drawn {
  const values = [...points.map((point) => point.values), ...others].map((pair) => pair[axis]);
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const isWide = least > 0 && most > wide * least;
  const isFromZero = !isWide && least < 0.1 * most;
  if (axes[axis] === "throughput") {
    return {
      title: "throughput (answers per second)",
      isWide,
      isFromZero,
      of: (period) => 1 / period,
    };
  }
  const [unit, size] = scales[units[axis]].find(([, smallest]) => most >= smallest) ?? [
    units[axis],
    1,
  ];
  return { title: `${axes[axis]} (${unit})`, isWide, isFromZero, of: (value) => value / size };
}

/** Units to draw in, from the largest. */
const scales: Readonly<Record<"s" | "J" | "B", readonly (readonly [string, number])[]>> = {
  s: [
    ["s", 1],
    ["ms", 1e-3],
    ["us", 1e-6],
  ],
  J: [
    ["J", 1],
    ["mJ", 1e-3],
    ["uJ", 1e-6],
  ],
  B: [
    ["GB", 1e9],
    ["MB", 1e6],
    ["kB", 1e3],
  ],
};
