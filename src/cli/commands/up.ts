import type { ClusterEvent } from "../../cluster/status.ts";
import { parseToken } from "../../cluster/token.ts";
import { argumentAt, type Command, defineCommand, flag, text, texts, usage } from "../command.ts";
import { type Deployable, deploy, deployOptions, prepareDeployment } from "../deploy.ts";
import { modelArgument } from "../model-argument.ts";
import { topologyArgument } from "../planning.ts";
import { describeEvent } from "../print/cluster-status.ts";
import { printDeployment } from "../print/deployment.ts";
import { withToken } from "../print/with-token.ts";
import { isLoopback } from "../security.ts";
import type { Terminal } from "../terminal.ts";
import { readToken, tokenOption } from "../token-option.ts";
import { readTraces } from "../traces.ts";

/** `partita up TOPOLOGY MODEL`. */
export const up: Command = defineCommand({
  summary: "run a model split over processes on this machine",
  arguments: [topologyArgument, modelArgument],
  options: {
    ...deployOptions,
    listen: text("--listen <host:port>", "where clients dial (default 127.0.0.1, a free port)"),
    token: tokenOption("what clients must show (default: a random one)"),
    adapt: flag("--adapt", "go over to better plans as links and devices change"),
    trace: texts("--trace <file>", "have links or devices change as in this CSV file"),
  },
  examples: [
    "partita up home.topology.yaml model.onnx",
    "partita up home.topology.yaml zoo:mobilenetv2 --objective throughput",
    "partita up home.topology.yaml model.onnx --adapt --trace walk.csv",
    "partita coordinator home.topology.yaml model.onnx --listen 0.0.0.0:7000   (other machines)",
  ],
  run: async (call) => {
    const { options, terminal, signal } = call;
    if (options.listen !== undefined && !isLoopback(options.listen)) {
      throw usage(
        `up runs everything on this machine, and ${options.listen} is dialled from others; for several machines: partita coordinator TOPOLOGY MODEL --listen ${options.listen}`,
      );
    }
    const token = await readToken(options.token, terminal);
    const deployable = await prepareDeployment(argumentAt(call, 0), argumentAt(call, 1), call);
    const emulate = !options.fullSpeed;
    if (options.adapt && deployable.judge === undefined) {
      throw usage("--adapt needs measured times, and --plan brings none: leave --plan out");
    }
    if (options.trace.length > 0 && !emulate) {
      throw usage("--trace changes what is emulated; leave --full-speed out");
    }
    const trace = await readTraces(options.trace, deployable.topology, terminal);
    if (!terminal.json) printDeployment(deployable, emulate, terminal);
    await using fleet = await deploy(deployable, {
      emulate,
      signal,
      ...(options.adapt && deployable.judge !== undefined ? { judge: deployable.judge } : {}),
      trace,
      ...(options.listen === undefined ? {} : { listen: options.listen }),
      ...(token === undefined ? {} : { token: parseToken(token).secret }),
      onEvent: (event) => report(event, terminal),
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
  terminal.line(`  ${withToken(`run INPUT… --to ${address}`, token, terminal)}`);
  terminal.line("Ctrl-C ends it.");
}
