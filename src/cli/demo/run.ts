import { systemClock } from "../../base/clock.node.ts";
import { CodedError } from "../../base/errors.ts";
import { connectClient } from "../../cluster/client.ts";
import type { Profile } from "../../cost/profile.ts";
import type { Topology } from "../../cost/topology.ts";
import { createOnnxRuntime } from "../../runtime/onnxruntime.node.ts";
import type { PreparedGraph } from "../../runtime/prepare.node.ts";
import type { TensorValues } from "../../runtime/runtime.ts";
import { tcpTransport } from "../../transport/tcp.node.ts";
import { startFleet } from "../fleet.ts";
import type { Terminal } from "../terminal.ts";
import type { Job } from "./job.ts";
import { type Answer, answerQuestion, askQuestions } from "./questions.ts";
import { printAnswer, printStreamed } from "./report.ts";
import { type Streamed, type StreamedAnswer, streamRequests } from "./stream.ts";

export interface DemoOptions {
  readonly job: Job;
  readonly prepared: PreparedGraph;
  readonly profile: Profile;
  readonly topology: Topology;
  readonly requests: number;
  readonly signal: AbortSignal;
}

export interface DemoResult {
  readonly answers: readonly { readonly answer: Answer; readonly streamed: Streamed | null }[];
  readonly read: readonly string[];
  /** Whether every request of every stream was answered with the bits of the whole model. */
  readonly perfect: boolean;
}

/** A warm-up takes about this long, and no more requests than this. */
const warmUpSeconds = 2;
const mostWarmUps = 60;

/** Requests between two lines that say how far a stream is. */
const linesEvery = 10;

/** Answers the questions, runs the plans of (b) and (c) as processes, and compares every bit. */
export async function runDemo(options: DemoOptions, terminal: Terminal): Promise<DemoResult> {
  const { job, prepared, profile, topology, requests } = options;
  const references = await runWhole(prepared, job.inputs);
  const answers: { answer: Answer; streamed: Streamed | null }[] = [];
  for (const question of askQuestions(profile, topology.source)) {
    const answer = answerQuestion(question, profile, topology, systemClock);
    if ("type" in answer) {
      throw new CodedError("PLAN_INFEASIBLE", `(${question.letter}) ${answer.reason}`, {
        witness: answer.witness,
      });
    }
    if (!terminal.json) printAnswer(answer, terminal);
    if (question.letter === "a") {
      answers.push({ answer, streamed: null });
      continue;
    }
    const streamed = await streamPlan(options, answer, references, terminal);
    if (!terminal.json) printStreamed(answer, streamed, requests, terminal);
    answers.push({ answer, streamed });
  }
  const perfect = answers.every(
    ({ streamed }) => streamed === null || streamed.bitEqual === requests,
  );
  return { answers, read: job.read(references), perfect };
}

/** The answers of the whole graph on one machine, which the split must equal. */
async function runWhole(
  { model }: PreparedGraph,
  inputs: readonly TensorValues[],
): Promise<TensorValues[]> {
  const session = await createOnnxRuntime().load(model, { threads: 1 });
  try {
    const answers: TensorValues[] = [];
    for (const values of inputs) answers.push((await session.run(structuredClone(values))).outputs);
    return answers;
  } finally {
    await session.release();
  }
}

async function streamPlan(
  { job, prepared, topology, requests, signal }: DemoOptions,
  { plan }: Answer,
  references: readonly TensorValues[],
  terminal: Terminal,
): Promise<Streamed> {
  const say = terminal.json ? () => undefined : (text: string) => terminal.line(`  ${text}`);
  await using fleet = await startFleet({ plan, prepared, topology, emulate: true, signal });
  await using client = await connectClient({
    transport: tcpTransport,
    clock: systemClock,
    address: fleet.coordinator.address,
    token: fleet.token,
  });
  const processes = [...fleet.processes].map(([device, pid]) => `${device} (process ${pid})`);
  const count = requests === 1 ? "1 request streams" : `${requests} requests stream`;
  say(`${count} through ${processes.join(", ")}; speeds and links emulated:`);
  let answered = 0;
  const onAnswer = ({ request, outputs, bitEqual, seconds }: StreamedAnswer): void => {
    answered++;
    if (!terminal.watched && answered % linesEvery !== 0 && bitEqual) return;
    const [text = ""] = job.read([outputs]);
    const verdict = bitEqual ? "" : "  NOT BIT-EQUAL";
    const at = `${seconds.toFixed(1)} s`.padStart(7);
    say(`${at}  ${answered}/${requests}  request ${request + 1}: ${text}${verdict}`);
  };
  return await streamRequests({
    infer: async (values) => (await client.infer(values)).outputs,
    inputs: job.inputs,
    references,
    count: requests,
    warmUps: Math.min(mostWarmUps, Math.ceil(warmUpSeconds / plan.claimed.periodSeconds)),
    clock: systemClock,
    onAnswer,
  });
}
