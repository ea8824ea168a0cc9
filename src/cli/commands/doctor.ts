import { type Command, defineCommand, text, usage } from "../command.ts";
import type { Check } from "../doctor/check.ts";
import { checkMachine } from "../doctor/machine.ts";
import { checkCluster, checkCoordinator, checkListen } from "../doctor/network.ts";
import { systemProbes } from "../doctor/probes.ts";
import { loadTopology } from "../planning.ts";
import { formatChecks } from "../print/checks.ts";
import type { Terminal } from "../terminal.ts";
import { readToken, tokenOption } from "../token-option.ts";

/** `partita doctor`. */
export const doctor: Command = defineCommand({
  summary: "check whether this machine can be a device, and what keeps it from a cluster",
  options: {
    join: text("--join <host:port>", "address of a coordinator: check the way to it, too"),
    token: tokenOption("as the coordinator printed it: ask it about its devices"),
    listen: text("--listen <host:port>", "where an agent is to listen: check whether it can"),
    topology: text("--topology <file>", "devices that are to be there"),
  },
  examples: [
    "partita doctor",
    "partita doctor --join 192.168.1.10:7000 --token T",
    "partita doctor --listen 0.0.0.0:7001",
  ],
  run: async ({ options, terminal }) => {
    const { join, token, listen, topology } = options;
    if (join === undefined && (token !== undefined || topology !== undefined)) {
      throw usage("--token and --topology are for a coordinator: give its address with --join");
    }
    const devices = topology === undefined ? [] : await namesIn(topology, terminal);
    const checks: Check[] = [...(await checkMachine(systemProbes, terminal))];
    if (listen !== undefined) checks.push(...(await checkListen(listen, systemProbes)));
    if (join !== undefined) {
      const shown = await readToken(token, terminal);
      const found = await checkCoordinator({ join, token: shown }, systemProbes);
      checks.push(...found.checks);
      if (found.status !== null) {
        checks.push(...(await checkCluster(found.status, devices, join, systemProbes)));
      }
    }
    if (terminal.json) terminal.document({ checks });
    else print(checks, terminal);
    return checks.some(({ state }) => state === "failed") ? 1 : 0;
  },
});

async function namesIn(path: string, terminal: Terminal): Promise<readonly string[]> {
  const { devices } = await loadTopology(path, terminal);
  return devices.map(({ name }) => name);
}

function print(checks: readonly Check[], terminal: Terminal): void {
  terminal.line(formatChecks(checks, terminal));
  const count = (state: Check["state"]): number =>
    checks.filter((check) => check.state === state).length;
  const [bad, doubtful] = [count("failed"), count("warning")];
  const { green, red } = terminal.colours;
  const warned = doubtful === 0 ? "" : `, ${doubtful} warning${doubtful === 1 ? "" : "s"}`;
  terminal.line(bad === 0 ? green(`\nnothing failed${warned}`) : red(`\n${bad} failed${warned}`));
}
