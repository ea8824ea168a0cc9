import type { Problem } from "../../plan/problem.ts";

/** Okabe and Ito's palette, lightened: distinct for colour-blind readers, too. */
const palette = [
  "#a6d3f0",
  "#f7cf8a",
  "#8fd6bf",
  "#f2b28a",
  "#e5bcd3",
  "#f5f0a0",
  "#9fc1dd",
  "#d0d0d0",
] as const;

/** The colour of a device. */
export function colourOf(problem: Problem, device: string | undefined): string {
  const position = problem.devices.findIndex(({ name }) => name === device);
  return palette[Math.max(0, position) % palette.length] as string;
}

/** A DOT string: line breaks as `\n`. */
export function quote(text: string): string {
  return `"${text.replace(/[\\"]/g, "\\$&").replaceAll("\n", "\\n")}"`;
}
