import { type Command, defineCommand, text, usage } from "../command.ts";
import type { Check } from "../doctor/check.ts";
import { checkMachine } from "../doctor/machine.ts";
import { checkCluster, checkCoordinator, checkListen } from "../doctor/network.ts";
import { systemProbes } from "../doctor/probes.ts";
import { type Reach, stateOf, surveyAll } from "../doctor/reach.ts";
import { unlessInterrupted } from "../interruption.ts";
import { loadTopology } from "../planning.ts";
import { formatChecks } from "../print/checks.ts";
import { formatReach } from "../print/reach.ts";
import type { Terminal } from "../terminal.ts";
import { readToken, tokenOption } from "../token-option.ts";

type SurveyedLink = [from: string, to: string, bytes: number];

/** `partita doctor`. */
export const doctor: Command = defineCommand({
  summary: "check whether this machine can be a device, and what keeps it from a cluster",
  options: {
    join: text(
      "--join <host:port>",
      "address of a coordinator, or several: check the way to it, too",
    ),
    token: tokenOption("as the coordinator printed it: ask it about its devices"),
    listen: text("--listen <host:port>", "where an agent is to listen: check whether it can"),
    topology: text("--topology <file>", "devices that are to be there"),
  },
  examples: [
    "partita doctor",
    "partita doctor --join 192.168.1.10:7000 --token T",
    "partita doctor --listen 0.0.0.0:7001",
  ],
  run: ({ options, terminal, signal }) => unlessInterrupted(examine(options, terminal), signal),
});

interface Choices {
  readonly join: string | undefined;
  readonly token: string | undefined;
  readonly listen: string | undefined;
  readonly topology: string | undefined;
}

/** @returns the exit code */
async function examine(options: Choices, terminal: Terminal): Promise<number> {
  const { join, token, listen, topology } = options;
  if (join === undefined && (token !== undefined || topology !== undefined)) {
    throw usage("--token and --topology are for a coordinator: give its address with --join");
  }
  const devices = topology === undefined ? [] : await namesIn(topology, terminal);
  const reached: Reach[] = [];
  const checks: Check[] = [...(await checkMachine(systemProbes, terminal))];
  if (listen !== undefined) checks.push(...(await checkListen(listen, systemProbes)));
  if (join !== undefined) {
    const shown = await readToken(token, terminal);
    const found = await checkCoordinator({ join, token: shown }, systemProbes);
    checks.push(...found.checks);
    const { status, address } = found;
    if (status !== null && address !== null && shown !== undefined) {
      checks.push(...(await checkCluster(status, devices, address, systemProbes)));
      const whom = { address, token: shown };
      const survey = (...link: SurveyedLink) => systemProbes.survey(whom, ...link);
      reached.push(...(await surveyAll(status, survey)));
    }
  }
  if (terminal.json) terminal.document({ checks, reached });
  else print(checks, reached, terminal);
  return statesOf(checks, reached).includes("failed") ? 1 : 0;
}

async function namesIn(path: string, terminal: Terminal): Promise<readonly string[]> {
  const { devices } = await loadTopology(path, terminal);
  return devices.map(({ name }) => name);
}

function statesOf(checks: readonly Check[], reached: readonly Reach[]): Check["state"][] {
  return [...checks.map(({ state }) => state), ...reached.map(stateOf)];
}

function print(checks: readonly Check[], reached: readonly Reach[], terminal: Terminal): void {
  terminal.line(formatChecks(checks, terminal));
  if (reached.length > 0) terminal.line(`\n${formatReach(reached, terminal)}`);
  const states = statesOf(checks, reached);
  const count = (wanted: Check["state"]): number =>
    states.filter((state) => state === wanted).length;
  const [bad, doubtful] = [count("failed"), count("warning")];
  const { green, red } = terminal.colours;
  const warned = doubtful === 0 ? "" : `, ${doubtful} warning${doubtful === 1 ? "" : "s"}`;
  terminal.line(bad === 0 ? green(`\nnothing failed${warned}`) : red(`\n${bad} failed${warned}`));
}
