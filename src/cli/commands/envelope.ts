import { systemClock } from "../../base/clock.node.ts";
import type { Envelope } from "../../plan/envelope/file.ts";
import { type EnvelopeStep, runEnvelope } from "../../plan/envelope.ts";
import type { Infeasible } from "../../plan/feasibility.ts";
import type { Problem } from "../../plan/problem.ts";
import { argumentAt, type Command, defineCommand, needed, text, texts } from "../command.ts";
import { drawChart } from "../draw/chart.ts";
import { envelopeMap } from "../draw/envelope.ts";
import { readBox } from "../envelope-box.ts";
import { writeWhole } from "../files.ts";
import { obtainProfile } from "../obtain-profile.ts";
import {
  infeasibleExitCode,
  loadTopology,
  planningOptions,
  problemOf,
  topologyOption,
} from "../planning.ts";
import { formatEnvelope } from "../print/envelope.ts";
import { formatPercent } from "../print/percent.ts";
import { showProgress } from "../print/progress.ts";
import { moreProfilesOption, profileArgument, profilingOptions } from "../profiles.ts";
import type { Terminal } from "../terminal.ts";

/** Two devices take milliseconds; many parameters may take long, and the excess says what is left. */
const defaultSeconds = 10;
const { objective, keepLocal, timeLimit } = planningOptions;

/** `partita envelope MODEL|PROFILE --topology T`. */
export const envelope: Command = defineCommand({
  summary: "find every placement that is the best for some bandwidths and loads",
  arguments: [profileArgument],
  options: {
    topology: topologyOption,
    profile: moreProfilesOption,
    bandwidth: texts(
      "--bandwidth <a-b=1..100 Mbit/s>",
      "between two devices, in both directions (default: each, a hundredth to a hundred times what is stated)",
    ),
    slowDown: texts(
      "--slow-down <device=1..10>",
      "how many times longer a device may take (default: each but the source, 1 to 10)",
    ),
    objective,
    keepLocal,
    timeLimit: { ...timeLimit, summary: `${timeLimit.summary} (default ${defaultSeconds} s)` },
    ...profilingOptions,
    output: text("-o, --output <file>", "write the envelope as JSON, to decide from"),
    svg: text("--svg <file>", "draw which placement is the best by the first two that change"),
  },
  examples: [
    "partita envelope squeezenet.profile.json --topology home.topology.yaml",
    "partita envelope zoo:alexnet -t home.topology.yaml --bandwidth camera-cloud=0.1..100Mbit/s --svg map.svg",
    "partita envelope net.onnx -t home.topology.yaml --slow-down cloud=1..20 -o net.envelope.json",
  ],
  run: async (call) => {
    const { options, terminal } = call;
    const file = needed(options.topology, "--topology FILE", "the devices to plan for");
    const topology = await loadTopology(file, terminal);
    const profile = await obtainProfile(argumentAt(call, 0), options.profile, call);
    const problem = problemOf(profile, topology, {
      ...options,
      planner: undefined,
      seed: undefined,
      maxLatency: undefined,
      maxPeriod: undefined,
      maxEnergy: undefined,
      maxMemory: undefined,
      maxBatch: undefined,
      maxWait: undefined,
    });
    const start = systemClock.now();
    const found = find(problem, options, terminal);
    const seconds = systemClock.now() - start;
    if ("type" in found) {
      if (terminal.json) terminal.document(found);
      else terminal.line(found.reason);
      return infeasibleExitCode;
    }
    const { output, svg } = options;
    if (output !== undefined) await writeWhole(output, `${JSON.stringify(found)}\n`, terminal);
    if (svg !== undefined) await writeWhole(svg, await drawChart(envelopeMap(found)), terminal);
    if (output === "-" || svg === "-") return 0;
    if (terminal.json) terminal.document(found);
    else terminal.line(formatEnvelope(found, problem, seconds, terminal));
    return 0;
  },
});

function find(
  problem: Problem,
  options: {
    readonly bandwidth: readonly string[];
    readonly slowDown: readonly string[];
    readonly timeLimit: number | undefined;
  },
  terminal: Terminal,
): Envelope | Infeasible {
  const box = readBox(options.bandwidth, options.slowDown, problem);
  const timeLimitSeconds = options.timeLimit ?? defaultSeconds;
  const progress = showProgress("cutting", terminal);
  const start = systemClock.now();
  const onStep = ({ placements, excess }: EnvelopeStep): void => {
    const proven = Number.isFinite(excess) ? `, excess ${formatPercent(excess)}` : "";
    const part = (systemClock.now() - start) / timeLimitSeconds;
    progress.update(Math.min(1, part), `${placements} placements${proven}`);
  };
  try {
    return terminal.blocking(() =>
      runEnvelope(problem, box, { clock: systemClock, timeLimitSeconds, onStep }),
    );
  } finally {
    progress.stop();
  }
}
