import { randomUUID } from "node:crypto";
import { createInterface } from "node:readline";
import { systemClock } from "../../base/clock.node.ts";
import { Agent } from "../../cluster/agent.ts";
import type { AgentEvent } from "../../cluster/agent-options.ts";
import { createOnnxRuntime } from "../../runtime/onnxruntime.node.ts";
import { tcpTransport } from "../../transport/tcp.node.ts";
import { offerMachine, offerProcess } from "../agent-host.ts";
import { type Command, defineCommand, flag, needed, quantity, text } from "../command.ts";
import { answerProbes, probeLimits } from "../link-probe.ts";
import type { Terminal } from "../terminal.ts";

/** `partita agent --join HOST:PORT --token T --name NAME`. */
export const agent: Command = defineCommand({
  summary: "be a device: join a coordinator, get parts, run them until it ends",
  options: {
    join: text("--join <host:port>", "address of the coordinator"),
    token: text("--token <token>", "as the coordinator printed it; - reads it from standard input"),
    name: text("--name <device>", "which device of the topology this is"),
    listen: text(
      "--listen <host:port>",
      "where neighbours dial (default 127.0.0.1:0, a free port)",
    ),
    memory: quantity(
      "--memory <512 MiB>",
      "refuse parts that need more (default: what this process may use)",
      "B",
    ),
    cacheLimit: quantity(
      "--cache-limit <10 GiB>",
      "what weights that are kept may take on disk (default 10 GiB, or a fifth of what is free)",
      "B",
    ),
    quiet: flag("--quiet", "say nothing unless something fails"),
  },
  examples: [
    "partita agent --join 127.0.0.1:7000 --token T --name camera",
    "partita agent --listen 10.0.0.2:7001 --token T   (only measures links, for partita topology)",
  ],
  run: async ({ options, terminal, signal }) => {
    if (options.join === undefined && options.listen !== undefined) {
      return await waitForProbes(options.listen, options.token, signal, terminal);
    }
    const join = needed(options.join, "--join HOST:PORT", "whom to join");
    const name = needed(options.name, "--name DEVICE", "which device this is");
    const given = needed(options.token, "--token TOKEN", "what the coordinator printed");
    const lifeline = given === "-" ? await readLifeline(terminal) : null;
    const choices = { memoryBytes: options.memory, cacheBytes: options.cacheLimit };
    const joined = await Agent.join({
      ...(lifeline === null ? await offerMachine(choices, terminal) : offerProcess(choices)),
      name,
      incarnation: randomUUID(),
      coordinator: join,
      token: lifeline?.token ?? given,
      transport: tcpTransport,
      runtime: createOnnxRuntime(),
      clock: systemClock,
      listen: options.listen ?? "127.0.0.1:0",
      processorSeconds,
      ...(options.quiet ? {} : { onEvent: (event) => terminal.note(describe(name, event)) }),
    });
    const close = (): void => void joined.close();
    signal.addEventListener("abort", close, { once: true });
    // It may have been interrupted before there was anything to close.
    if (signal.aborted) close();
    void lifeline?.cut.then(close);
    const error = await joined.ended;
    if (error !== null) throw error;
    return 0;
  },
});

function processorSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** An agent that belongs to no cluster yet: it only helps to measure links. */
async function waitForProbes(
  address: string,
  token: string | undefined,
  signal: AbortSignal,
  terminal: Terminal,
): Promise<number> {
  const secret = needed(token, "--token TOKEN", "what whoever measures must show");
  await using listener = await tcpTransport.listen(address, probeLimits);
  terminal.note(`waits at ${listener.address} for \`partita topology measure\`; Ctrl-C ends it`);
  signal.addEventListener("abort", () => void listener.close(), { once: true });
  const setting = { transport: tcpTransport, clock: systemClock, token: secret, seconds: 1 };
  await answerProbes(listener, setting);
  return 0;
}

/**
 * The token from the first line of standard input, and a promise that resolves when standard input
 * ends: whoever started this agent is gone then, so that it must not stay either.
 */
async function readLifeline(
  terminal: Terminal,
): Promise<{ readonly token: string; readonly cut: Promise<void> }> {
  const lines = createInterface({ input: terminal.input });
  const cut = new Promise<void>((resolve) => lines.once("close", resolve));
  const token = await new Promise<string>((resolve) => {
    lines.once("line", resolve);
    lines.once("close", () => resolve(""));
  });
  return { token, cut };
}

function describe(name: string, event: AgentEvent): string {
  switch (event.type) {
    case "joined":
      return `${name}: joined ${event.coordinator}`;
    case "parted":
      return `${name}: goes on without its coordinator (${event.error.message})`;
    case "receiving":
      return `${name}: receives parts ${event.parts.join(", ")}`;
    case "loaded":
      return `${name}: loaded ${event.parts.join(", ") || "nothing, it only relays"}`;
    case "deployed":
      return `${name}: generation ${event.generation} runs${event.emulated ? " (emulated)" : ""}`;
    case "failed":
      return `${name}: cannot run generation ${event.generation ?? "at all"} (${event.error.message})`;
    case "serving":
      return `${name}: generation ${event.generation} serves${event.alone ? ", alone" : ""}`;
    case "lost":
      return `${name}: lost ${event.device} (${event.error.message})`;
    case "reached":
      return `${name}: reached ${event.device} again`;
    case "ended":
      return `${name}: ended${event.error === null ? "" : ` (${event.error.message})`}`;
    default:
      return event satisfies never;
  }
}
