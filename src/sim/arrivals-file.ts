import { CodedError } from "../base/errors.ts";

/**
 * Reads when requests arrive: a first line `seconds`, then a number for each, ascending.
 *
 * @param file its name, for messages
 * @throws TRACE_INVALID
 */
export function readArrivals(text: string, file: string): Float64Array {
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  while (lines.at(-1)?.trim() === "") lines.pop();
  if (lines[0]?.trim() !== "seconds") {
    throw invalid(`${file}: the first line is "${lines[0] ?? ""}"; expected "seconds"`, file);
  }
  if (lines.length < 2) throw invalid(`${file}: there is no line below the first`, file);
  const seconds = new Float64Array(lines.length - 1);
  lines.slice(1).forEach((line, position) => {
    const value = line.trim() === "" ? Number.NaN : Number(line);
    const before = seconds[position - 1] ?? 0;
    if (!(value >= before && Number.isFinite(value))) {
      throw invalid(
        `${file}: line ${position + 2} has "${line}"; expected seconds of at least ${before}, as arrivals stand in the order of time`,
        file,
      );
    }
    seconds[position] = value;
  });
  return seconds;
}

function invalid(message: string, file: string): CodedError {
  return new CodedError("TRACE_INVALID", message, { file });
}
