import type { NodeProto } from "onnx-buf";
import type { Window } from "../../graph/window.ts";
import { intOf, intsOf, textOf } from "../attributes.ts";
import type { NodeFacts } from "../node-facts.ts";
import { pixel } from "./pixels.ts";
import { scaled } from "./transposed.ts";

/** What is added before and behind each of four axes. */
export interface Pads {
  readonly begin: readonly number[];
  readonly end: readonly number[];
}

/**
 * How a Pad pads a picture: an input since version 11, for some axes only since 18; negative numbers
 * crop. `null` where that is computed. ONNX operator specification, "Pad".
 */
export function padsOf(node: NodeProto, facts: NodeFacts): Pads | null {
  const [, pads = "", value = "", axesInput = ""] = node.input;
  if (value !== "" && !facts.isConstant(value)) return null;
  const stated = pads === "" ? intsOf(node, "pads", []) : facts.valuesOf(pads);
  const axes = axesInput === "" ? [0, 1, 2, 3] : facts.valuesOf(axesInput);
  if (stated === null || axes === null || stated.length !== 2 * axes.length) return null;
  const begin = [0, 0, 0, 0];
  const end = [0, 0, 0, 0];
  axes.forEach((axis, position) => {
    begin[axis < 0 ? axis + 4 : axis] = stated[position] as number;
    end[axis < 0 ? axis + 4 : axis] = stated[position + axes.length] as number;
  });
  return { begin, end };
}

/**
 * What is mirrored at a border lies as far behind it as the padding is wide: such a window reaches that
 * far everywhere. What is wrapped around comes from the other side.
 */
export function padWindow(node: NodeProto, facts: NodeFacts): Window | null {
  const pads = padsOf(node, facts);
  if (pads === null) return null;
  const [begin, end] = [pads.begin.slice(2), pads.end.slice(2)];
  const all = [...begin, ...end];
  const mode = textOf(node, "mode", "constant");
  if (["constant", "edge"].includes(mode) || all.every((pad) => pad === 0)) {
    return { ...pixel, padBegin: begin, padEnd: end };
  }
  if (mode !== "reflect" || all.some((pad) => pad < 0)) return null;
  const each = (of: (before: number, behind: number) => number): number[] =>
    begin.map((before, axis) => of(before, end[axis] as number));
  return {
    ...pixel,
    kernel: each((before, behind) => 2 * (before + behind) + 1),
    padBegin: each((before, behind) => before + 2 * behind),
    padEnd: each((before, behind) => 2 * before + behind),
  };
}

/** Positions start, start + step, … before end of one axis of a picture. */
export interface Cut {
  readonly axis: number;
  readonly start: number;
  readonly end: number;
  readonly step: number;
}

/**
 * What a Slice takes of a picture: inputs since version 10; `null` where that is computed. ONNX
 * operator specification, "Slice".
 *
 * @param shape of the picture
 */
export function cutsOf(
  node: NodeProto,
  facts: NodeFacts,
  shape: readonly number[],
): readonly Cut[] | null {
  const [, ...names] = node.input;
  const values = (position: number, attribute: string): readonly number[] | null => {
    const name = names[position] ?? "";
    return name === "" ? intsOf(node, attribute, []) : facts.valuesOf(name);
  };
  const [starts, ends] = [values(0, "starts"), values(1, "ends")];
  const [axes, steps] = [values(2, "axes"), values(3, "steps")];
  if (starts === null || ends === null || axes === null || steps === null) return null;
  return starts.map((given, position) => {
    const stated = axes[position] ?? position;
    const axis = stated < 0 ? stated + shape.length : stated;
    const size = shape[axis] as number;
    const step = steps[position] ?? 1;
    const clip = (at: number) => Math.min(size, Math.max(0, at < 0 ? at + size : at));
    if (step < 0) {
      // Backwards from the last, to before the first: that is what lies as far before as there are.
      const within = (at: number) => Math.min(size, Math.max(-size - 1, at));
      return { axis, start: within(given), end: within(ends[position] as number), step };
    }
    return { axis, start: clip(given), end: clip(ends[position] as number), step };
  });
}

export function sliceWindow(
  node: NodeProto,
  facts: NodeFacts,
  input: readonly number[],
): Window | null {
  const cuts = cutsOf(node, facts, input);
  const spatial = cuts?.filter(({ axis }) => axis > 1);
  if (spatial === undefined || spatial.some(({ step }) => step < 1)) return null;
  const along = (axis: number): Cut => {
    const extent = input[axis + 2] as number;
    return spatial.find((cut) => cut.axis === axis + 2) ?? { axis, start: 0, end: extent, step: 1 };
  };
  const [rows, columns] = [along(0), along(1)];
  return {
    ...pixel,
    stride: [rows.step, columns.step],
    padBegin: [-rows.start, -columns.start].map(withoutSign),
    padEnd: [rows.end - (input[2] as number), columns.end - (input[3] as number)],
  };
}

function withoutSign(value: number): number {
  return value === 0 ? 0 : value;
}

export function depthToSpaceWindow(node: NodeProto): Window {
  const size = intOf(node, "blocksize", 1);
  return scaled(pixel, [size, size]);
}

export function spaceToDepthWindow(node: NodeProto): Window {
  const size = intOf(node, "blocksize", 1);
  return { ...pixel, kernel: [size, size], stride: [size, size] };
}
