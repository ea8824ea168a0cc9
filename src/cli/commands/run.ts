import { randomUUID } from "node:crypto";
import { systemClock } from "../../base/clock.node.ts";
import { type Client, connectClient } from "../../cluster/client.ts";
import { publicUrl } from "../../nats/nats-url.ts";
import {
  type Call,
  type Command,
  defineCommand,
  quantity,
  text,
  usage,
  whole,
} from "../command.ts";
import { type DeployChoices, deploy, deployOptions, prepareDeployment } from "../deploy.ts";
import { readText } from "../files.ts";
import { unlessInterrupted } from "../interruption.ts";
import { type Log, logOption, openLog } from "../log.ts";
import { natsOption, openNats } from "../nats-option.ts";
import { printAnswered, printSummary } from "../print/answers.ts";
import { printDeployment } from "../print/deployment.ts";
import { askAll, type TimedAnswer } from "../requests.ts";
import { secureClient } from "../security.ts";
import { asJson, checkAnswerPath, readLabels, writeAnswers } from "../tensors/answers.ts";
import { collectRequests } from "../tensors/collect.ts";
import { loadPreprocessing } from "../tensors/inputs.ts";
import { demandToken, tokenOption } from "../token-option.ts";

const usualPatienceSeconds = 30;

/** `partita run TOPOLOGY MODEL INPUT…`, `partita run --to HOST:PORT --token T INPUT…`. */
export const run: Command = defineCommand({
  summary: "send inputs to a split model and write the answers",
  arguments: [
    {
      syntax: "[topology|model|input...]",
      summary:
        "TOPOLOGY MODEL INPUT…, or with --to only INPUT…: .npy, .npz, .raw, pictures, or folders of them",
    },
  ],
  options: {
    to: text("--to <host:port>", "a cluster that is up"),
    nats: natsOption("a cluster that is up; requests are kept until they are answered"),
    model: text("--model <name>", "with --to or --nats: which of several models there"),
    token: tokenOption("as `partita coordinator`, `serve` or `up` printed it"),
    output: text("-o, --output <file>", "write the answers as .npz or .json"),
    labels: text("--labels <file>", "one name of a class a line, for the answers shown"),
    preprocessing: text("--preprocessing <file>", "how pictures become tensors, as YAML"),
    seeds: whole("--seeds <n>", "send so many random requests, too"),
    repeat: whole("--repeat <n>", "send everything so often (default 1)", 1),
    atOnce: whole(
      "--at-once <n>",
      "send so many at once at most; 1: each by itself (default: as many as fill the pipeline)",
      1,
    ),
    deadline: quantity("--deadline <10 s>", "give a request up after this time", "s"),
    patience: quantity(
      "--patience <30 s>",
      "wait so long for a cluster that goes away in the middle (default 30 s with --to, else 0 s)",
      "s",
    ),
    log: logOption,
    ...deployOptions,
  },
  examples: [
    "partita run home.topology.yaml model.onnx cat.png --labels classes.txt",
    "partita run --to 127.0.0.1:7000 --token T pictures/ -o answers.npz",
    "partita run --nats nats://10.0.0.9 pictures/ -o answers.npz",
    "partita run home.topology.yaml zoo:squeezenet --seeds 20 --objective throughput",
  ],
  run: async (call) => {
    const { options } = call;
    if (options.output !== undefined) checkAnswerPath(options.output);
    if (options.nats !== undefined) {
      if (options.to !== undefined) throw usage("--to and --nats: give one of them");
      await using nats = await openNats(options.nats, call.terminal);
      const { engine } = nats;
      const { connectDurably } = await import("../../nats/durable-client.ts");
      const asked = connectDurably({ engine, model: options.model, newId: randomUUID });
      return await runThrough(asked, publicUrl(nats.place), call.arguments, call);
    }
    if (options.to !== undefined) {
      const token = await demandToken(options.token, call.terminal);
      const asked = connect(options.to, token, options);
      return await runThrough(asked, options.to, call.arguments, call);
    }
    if (options.model !== undefined) {
      throw usage("--model names one of several at --to HOST:PORT; MODEL is the second argument");
    }
    const [topology, model, ...inputs] = call.arguments;
    if (topology === undefined || model === undefined) {
      throw usage("name TOPOLOGY MODEL INPUT…, or a cluster that is up with --to HOST:PORT");
    }
    if (inputs.length === 0 && options.seeds === undefined) throw nothingToSend();
    const deployable = await prepareDeployment(topology, model, call);
    const emulate = !options.fullSpeed;
    if (!call.terminal.json && options.output !== "-") {
      printDeployment(deployable, emulate, call.terminal);
    }
    await using fleet = await deploy(deployable, {
      emulate,
      signal: call.signal,
      // It ends with its last answer: what may be lost until then is planned for when it is.
      fallbacks: false,
    });
    const { address } = fleet.coordinator;
    return await runThrough(connect(address, fleet.token, options), address, inputs, call);
  },
});

interface Choices extends DeployChoices {
  readonly output: string | undefined;
  readonly labels: string | undefined;
  readonly preprocessing: string | undefined;
  readonly seeds: number | undefined;
  readonly repeat: number | undefined;
  readonly atOnce: number | undefined;
  readonly to: string | undefined;
  readonly nats: string | undefined;
  readonly model: string | undefined;
  readonly deadline: number | undefined;
  readonly patience: number | undefined;
  readonly log: string | undefined;
}

function connect(
  address: string,
  token: string,
  { patience, to, model }: Pick<Choices, "patience" | "to" | "model">,
): Promise<Client> {
  const { transport, secret } = secureClient(token);
  return connectClient({
    transport,
    clock: systemClock,
    address,
    token: secret,
    ...(model === undefined ? {} : { model }),
    // A failover is waited for, a cluster that is not there is not.
    retry: {
      newId: randomUUID,
      firstSeconds: 0,
      limitSeconds: patience ?? (to === undefined ? 0 : usualPatienceSeconds),
    },
  });
}

/** Sends everything through a cluster that is up. */
async function runThrough(
  connecting: Promise<Client>,
  address: string,
  inputs: readonly string[],
  call: Call<Choices>,
): Promise<number> {
  const { options, terminal, signal } = call;
  await using client = await unlessInterrupted(connecting, signal);
  if (inputs.length === 0 && options.seeds === undefined) throw nothingToSend();
  const labels =
    options.labels === undefined ? null : readLabels(await readText(options.labels, terminal));
  const requests = await collectRequests(client.inputs, {
    files: inputs,
    seeds: options.seeds ?? 0,
    preprocessing: await loadPreprocessing(options.preprocessing, terminal),
    terminal,
  });
  const { repeat = 1, deadline = null, atOnce } = options;
  const all = Array.from({ length: repeat }, () => requests).flat();
  const quiet = terminal.json || options.output === "-";
  await using log = await openLog(options.log, "run", terminal);
  if (!quiet) terminal.line(headline(client, all.length, address));
  let count = 0;
  const answered = await askAll(client, all, {
    deadlineSeconds: deadline,
    clock: systemClock,
    signal,
    ...(atOnce === undefined ? {} : { atOnce }),
    onAnswer: (answer) => {
      count++;
      writeDown(answer, log);
      if (!quiet) printAnswered(answer, labels, terminal);
    },
  }).catch((error: unknown) => {
    const unwritten = options.output === undefined ? "" : `; ${options.output} is not written`;
    if (all.length > 1 && !terminal.json) {
      terminal.note(`ended early: ${count} of ${all.length} were answered${unwritten}`);
    }
    throw error;
  });
  if (options.output !== undefined) await writeAnswers(options.output, answered.answers, terminal);
  if (options.output === "-") return 0;
  const { emulated } = client;
  if (!terminal.json) printSummary(answered, emulated, terminal);
  else {
    terminal.document({
      model: client.model,
      emulated,
      seconds: answered.seconds,
      answersPerSecond: answered.answers.length / answered.seconds,
      steadyAnswersPerSecond: answered.steadyPerSecond,
      requests: answered.answers.map(({ request, name, timings, outputs }) => ({
        request,
        input: name,
        timings,
        ...(options.output === undefined ? { outputs: asJson(outputs) } : {}),
      })),
    });
  }
  return 0;
}

function writeDown({ request, name, timings }: TimedAnswer, log: Log | null): void {
  const { waitSeconds, totalSeconds } = timings;
  const entry = { type: "answer", request, input: name, waitSeconds, totalSeconds };
  log?.write("debug", entry);
}

function headline({ model, emulated }: Client, count: number, address: string): string {
  const requests = count === 1 ? "1 request" : `${count} requests`;
  return `${requests} to ${model} at ${address}${emulated ? " (speeds and links emulated)" : ""}`;
}

function nothingToSend(): Error {
  return usage("nothing to send: name files or folders, or try random inputs with --seeds 10");
}
