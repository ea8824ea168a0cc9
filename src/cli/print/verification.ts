import type { OptimisationLevel } from "../../cost/profile.ts";
import type { TensorDifference } from "../../runtime/compare.ts";
import type { Terminal } from "../terminal.ts";
import { shorten } from "./shorten.ts";
import { formatTable } from "./table.ts";

/** Differences above this part of the largest magnitude are an error. */
const tolerance = 1e-4;

export interface CheckedRequest {
  readonly name: string;
  /** By the name of the output. */
  readonly outputs: Readonly<Record<string, TensorDifference>>;
}

export interface Verification {
  readonly name: string;
  readonly level: OptimisationLevel;
  readonly threads: number;
  readonly stages: number;
  /** Of the stages: one each, or one for each tile. */
  readonly parts: number;
  readonly checked: readonly CheckedRequest[];
  /** Where answers that differ part. */
  readonly culprit: {
    readonly tensor: string;
    readonly stage: string;
    readonly difference: number;
  } | null;
}

/** Prints the comparison. Returns the exit code: 1 if a difference is too large. */
export function printVerification(found: Verification, terminal: Terminal): number {
  const differences = found.checked.flatMap(({ outputs }) => Object.values(outputs));
  const bitEqual = differences.every((difference) => difference.bitEqual);
  const largest = Math.max(0, ...differences.map(({ maxRelative }) => maxRelative));
  const isTooLarge = !(largest <= tolerance);
  if (terminal.json) {
    const { checked, ...facts } = found;
    terminal.document({ ...facts, bitEqual, maxRelative: largest, tolerance, requests: checked });
    return isTooLarge ? 1 : 0;
  }
  const { bold, green, red, yellow } = terminal.colours;
  const equal = found.checked.filter(({ outputs }) =>
    Object.values(outputs).every((difference) => difference.bitEqual),
  ).length;
  const count = `${equal}/${found.checked.length}`;
  const verdict = bitEqual ? green(`yes (${count})`) : (isTooLarge ? red : yellow)(`no (${count})`);
  terminal.line(`${bold("bit-equal:")} ${verdict}`);
  terminal.line(
    `  ${found.name} whole against ${counted(found.stages, "stage")}${found.parts === found.stages ? "" : ` in ${found.parts} parts`}, level ${found.level}, ${counted(found.threads, "thread")}; requests: ${found.checked.map(({ name }) => name).join(", ")}`,
  );
  if (!bitEqual) terminal.line(`\n${explainDifferences(found, terminal)}`);
  if (isTooLarge) {
    terminal.line(
      red(`The largest difference is ${largest}, above the tolerance of ${tolerance}.`),
    );
  }
  return isTooLarge ? 1 : 0;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

function explainDifferences({ checked, culprit }: Verification, terminal: Terminal): string {
  const rows = checked.flatMap(({ name, outputs }) =>
    Object.entries(outputs)
      .filter(([, { bitEqual }]) => !bitEqual)
      .map(([output, { maxRelative, maxUlp, signedZeroOnly, firstDifference }]) => [
        name,
        shorten(output),
        maxRelative.toPrecision(3),
        maxUlp,
        signedZeroOnly,
        firstDifference ?? "",
      ]),
  );
  const columns = [
    { head: "request" },
    { head: "output" },
    { head: "difference", align: "right" },
    { head: "ulp", align: "right" },
    { head: "signs of zero", align: "right" },
    { head: "first at", align: "right" },
  ] as const;
  const where =
    culprit === null
      ? ""
      : `\n  It first appears in tensor '${culprit.tensor}', made by stage ${culprit.stage} (${culprit.difference.toPrecision(3)}).`;
  return `${formatTable(columns, rows, terminal)}\n  Difference ÷ the largest magnitude of the output; ulp only above 1e-3 of it.${where}\n`;
}
