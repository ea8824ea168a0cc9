import { formatQuantity } from "../../base/units.ts";
import { readCell } from "../../compare/growth-cell.ts";
import { comparePlanners } from "../bench/planners.ts";
import { measureGrowth, writeGrowth } from "../bench/scale.ts";
import { type Command, defineCommand, flag, quantity, text, texts, usage } from "../command.ts";
import { makeFolder } from "../files.ts";
import { runCell } from "../growth-runner.ts";
import type { Terminal } from "../terminal.ts";

const defaultFolder = "partita-bench";

const options = {
  quick: flag("--quick", "fewer cells and shorter limits, for a look"),
  only: text("--only <names>", "of planners: only these studies, with commas between"),
  planners: texts(
    "--planner <name>",
    "of planners: one more in every table: of the catalogue, or exec:COMMAND; repeatable",
  ),
  timeLimit: quantity(
    "--time-limit <10 s>",
    "of planners: for each answer of a program (exec:COMMAND), which is then killed and, the third time, asked no more; default 10 s",
    "s",
  ),
  profiles: text(
    "--profiles <folder>",
    "of planners: a folder with NAME.profile.json for each network (default: measured ones that come with partita)",
  ),
  output: text(
    "-o, --output <folder>",
    `where to write tables and charts (default ./${defaultFolder})`,
  ),
};

/** What the options are read to. */
interface Chosen {
  readonly quick: boolean;
  readonly only: string | undefined;
  readonly planners: readonly string[];
  readonly timeLimit: number | undefined;
  readonly profiles: string | undefined;
  readonly output: string | undefined;
}

/** `partita bench planners` and `partita bench scale`. */
export const bench: Command = defineCommand({
  summary: "compare planners on the same work, and measure how they grow",
  arguments: [
    {
      syntax: "<what>",
      summary:
        "planners: every method against every other; scale: how planning and simulating grow; cell: one cell of scale in this process",
    },
    { syntax: "[cell]", summary: "of cell: what to run, as JSON" },
  ],
  options,
  examples: [
    "partita bench planners --quick",
    "partita bench planners --only two-devices,decision-times --output results",
    'partita bench planners --quick --planner "exec:node my-planner.mjs"',
    "partita bench scale --quick",
  ],
  run: async ({ arguments: [what, written], options: chosen, terminal, signal }) => {
    if (what !== "cell" && written !== undefined) {
      throw usage(`only bench cell takes a second word, not bench ${what}: "${written}"`);
    }
    switch (what) {
      case "planners":
        await comparePlanners(
          { ...chosen, folder: chosen.output ?? defaultFolder, command: writtenCommand(chosen) },
          terminal,
          signal,
        );
        return 0;
      case "scale":
        await benchScale(chosen, terminal, signal);
        return 0;
      case "cell": {
        const cell = readCell(written ?? "");
        if (cell === null) throw usage("cell wants one cell of the table, as JSON");
        terminal.document(await runCell(cell));
        return 0;
      }
      default:
        throw usage(`bench can only measure scale and compare planners, not "${what}"`);
    }
  },
});

/** As a reader would have to write it to get the same. */
function writtenCommand(chosen: Chosen): string {
  const { quick, only, planners, timeLimit, profiles, output } = chosen;
  const quoted = (word: string): string => (/[^\w:./,-]/.test(word) ? JSON.stringify(word) : word);
  const words = [
    "partita bench planners",
    only === undefined ? "" : `--only ${quoted(only)}`,
    quick ? "--quick" : "",
    ...planners.map((name) => `--planner ${quoted(name)}`),
    timeLimit === undefined ? "" : `--time-limit "${formatQuantity(timeLimit, "s")}"`,
    profiles === undefined ? "" : `--profiles ${quoted(profiles)}`,
    output === undefined ? "" : `-o ${quoted(output)}`,
  ];
  return words.filter((word) => word !== "").join(" ");
}

async function benchScale(chosen: Chosen, terminal: Terminal, signal: AbortSignal): Promise<void> {
  const { only, profiles, timeLimit, planners } = chosen;
  if ([only, profiles, timeLimit, planners[0]].some((given) => given !== undefined)) {
    throw usage(
      "--only, --planner, --time-limit and --profiles belong to bench planners, not to bench scale",
    );
  }
  const folder = chosen.output ?? defaultFolder;
  await makeFolder(folder);
  const report = await measureGrowth(chosen.quick, terminal, signal);
  const markdown = await writeGrowth(report, folder, terminal);
  if (terminal.json) terminal.document(report);
  else terminal.line(`${markdown}\nwrote scale.md, scale.json and its charts to ${folder}`);
}
