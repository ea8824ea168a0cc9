import type { Coordinator } from "../../cluster/coordinator.ts";
import type { ClusterEvent } from "../../cluster/status.ts";
import { argumentAt, type Command, defineCommand, flag, text, usage } from "../command.ts";
import { type Deployable, deploy, deployOptions, prepareDeployment } from "../deploy.ts";
import { modelArgument } from "../model-argument.ts";
import { describeEvent } from "../print/cluster-status.ts";
import { printDeployment } from "../print/deployment.ts";
import type { Terminal } from "../terminal.ts";

/** `partita up TOPOLOGY MODEL`. */
export const up: Command = defineCommand({
  summary: "run a model split over processes on this machine, or over agents of others",
  arguments: [
    { syntax: "<topology>", summary: "devices and links, as YAML or JSON" },
    modelArgument,
  ],
  options: {
    ...deployOptions,
    listen: text("--listen <host:port>", "where clients dial (default 127.0.0.1, a free port)"),
    token: text("--token <token>", "what clients and agents must show (default: a random one)"),
    remote: flag("--remote", "start no agents: wait for `partita agent --join` on other machines"),
  },
  examples: [
    "partita up home.topology.yaml model.onnx",
    "partita up home.topology.yaml zoo:mobilenetv2 --objective throughput",
    "partita up home.topology.yaml model.onnx --remote --listen 0.0.0.0:7000",
  ],
  run: async (call) => {
    const { options, terminal, signal } = call;
    const { remote } = options;
    if (remote && options.listen === undefined) {
      throw usage("--remote needs --listen HOST:PORT, an address that the other machines can dial");
    }
    const deployable = await prepareDeployment(argumentAt(call, 0), argumentAt(call, 1), call);
    // Machines that are there need no imitation.
    const emulate = !remote && !options.fullSpeed;
    if (!terminal.json) printDeployment(deployable, emulate, terminal);
    await using fleet = await deploy(deployable, {
      emulate,
      signal,
      agents: remote ? "join" : "start",
      ...(options.listen === undefined ? {} : { listen: options.listen }),
      ...(options.token === undefined ? {} : { token: options.token }),
      onEvent: (event) => report(event, terminal),
      onListening: (coordinator, token) => {
        if (remote) inviteAgents(coordinator, token, terminal);
        if (!isLoopback(coordinator.address)) warnOfStrangers(terminal);
      },
    });
    const { address } = fleet.coordinator;
    announce({ address, token: fleet.token, emulated: emulate }, deployable, terminal);
    const error = await fleet.coordinator.ended;
    if (error !== null && !signal.aborted) throw error;
    return 0;
  },
});

function report(event: ClusterEvent, terminal: Terminal): void {
  if (!terminal.json) terminal.note(`  ${describeEvent(event)}`);
}

function inviteAgents(coordinator: Coordinator, token: string, terminal: Terminal): void {
  const { address, devices } = coordinator;
  const commands = devices.map(
    (device) => `  partita agent --join ${address} --token ${token} --name ${device}`,
  );
  terminal.note(`Start on each machine, with --listen HOST:PORT that its neighbours can dial:`);
  for (const command of commands) terminal.note(command);
}

/** Whether only processes of this machine can dial an address. */
function isLoopback(address: string): boolean {
  return /^(127\.|localhost:|\[::1\]:)/.test(address);
}

function warnOfStrangers(terminal: Terminal): void {
  terminal.note("Channels are not encrypted: use a network that you trust.\n");
}

function announce(
  running: { readonly address: string; readonly token: string; readonly emulated: boolean },
  { named, plan }: Deployable,
  terminal: Terminal,
): void {
  const { address, token, emulated } = running;
  if (terminal.json) {
    // One line, so that whoever reads it knows when it is complete.
    terminal.line(JSON.stringify({ ...running, model: named.name, plan }));
    return;
  }
  const { bold } = terminal.colours;
  terminal.line(`${bold("running")} at ${address}${emulated ? ", speeds and links emulated" : ""}`);
  terminal.line(`  partita run --to ${address} --token ${token} INPUT…`);
  terminal.line("Ctrl-C ends it.");
}
