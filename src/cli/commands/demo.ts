import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import type { Topology } from "../../cost/topology.ts";
import { bindShapes } from "../../onnx/bind.ts";
import { type Command, defineCommand, text, whole } from "../command.ts";
import type { Job } from "../demo/job.ts";
import { createModelJob } from "../demo/model-job.ts";
import { printTopology } from "../demo/report.ts";
import { type DemoResult, runDemo } from "../demo/run.ts";
import { createTextJob } from "../demo/text-job.ts";
import { writeWhole } from "../files.ts";
import { describeMeasurement, measure } from "../measuring.ts";
import { loadTopology } from "../planning.ts";
import { dotToSvg, planToDot } from "../print/dot.ts";
import { type Shapes, shapeOption } from "../shape-option.ts";
import type { Terminal } from "../terminal.ts";

/** `npm start`: a model over camera, gateway and cloud on this machine. */
export const demo: Command = defineCommand({
  summary: "read a label over camera, gateway and cloud, emulated on this machine",
  options: {
    image: text("--image <file>", "your own picture instead of the shipping label"),
    model: text("--model <model>", "your own model: an .onnx file or zoo:NAME"),
    shape: shapeOption,
    topology: text("--topology <file>", "your own machines and links"),
    svg: text("--svg <file>", "draw the plan of question (b)"),
    requests: whole("--requests <n>", "how many requests stream (default 50)", 1),
  },
  examples: [
    "partita demo --image receipt.jpg",
    "partita demo --model zoo:mobilenetv2",
    "partita demo --model zoo:squeezenet --topology home.topology.yaml",
  ],
  run: async ({ options, terminal, signal }) => {
    const file = options.topology ?? example("camera-gateway-cloud.topology.yaml");
    const topology = await loadTopology(file, terminal);
    const job = await createJob(options, terminal);
    const say = (line: string): void => (terminal.json ? undefined : terminal.line(line));
    say(`${terminal.colours.bold("Partita")}: ${job.title}`);
    for (const remark of job.remarks) say(`  ${remark}`);
    say(`\nThe machines, emulated by processes on this one (${file}):\n`);
    if (!terminal.json) printTopology(topology, terminal);
    say("Measuring what each node of the graph costs here, on one thread …");
    const named = { name: job.name, model: bindShapes(job.model, job.shapes) };
    // Its devices are slow and its links are not: codecs would gain a few percent there, and take the
    // last slack of the processors that all processes share.
    const how = { shape: {}, level: "extended", threads: 1, codecs: false } as const;
    const measurement = describeMeasurement(named, how);
    const { profile, prepared } = await measure(measurement, { terminal, signal });
    say(`  ${profile.graph.nodes.length} nodes measured.\n`);
    const requests = options.requests ?? 50;
    const result = await runDemo({ job, prepared, profile, topology, requests, signal }, terminal);
    if (options.svg !== undefined) await draw(result, options.svg, terminal);
    if (terminal.json) terminal.document(toDocument(topology, result));
    else printEnd(result, options.model === undefined, terminal);
    return result.perfect ? 0 : 1;
  },
});

/** The plan that most devices take part in, as a rule. */
async function draw({ answers }: DemoResult, file: string, terminal: Terminal): Promise<void> {
  const found = answers.find(({ answer }) => answer.question.letter === "b")?.answer;
  if (found === undefined) return;
  await writeWhole(file, await dotToSvg(planToDot(found.plan, found.problem)), terminal);
}

function toDocument(topology: Topology, { answers, read, perfect }: DemoResult): object {
  const written = answers.map(({ answer: { question, plan, alone, gain }, streamed }) => ({
    question,
    plan,
    alone,
    gain,
    streamed,
  }));
  return { format: "partita.demo/1", emulated: true, topology, answers: written, read, perfect };
}

/** A file of the example that ships with the package, by a path that reads well. */
function example(name: string): string {
  const path = fileURLToPath(new URL(`../../../examples/shipping-label/${name}`, import.meta.url));
  const near = relative("", path);
  return near.startsWith("..") ? path : near;
}

function createJob(
  options: { image: string | undefined; model: string | undefined; shape: Shapes },
  terminal: Terminal,
): Promise<Job> {
  const { image, model, shape: shapes } = options;
  if (model === undefined) return createTextJob(image ?? example("label.png"));
  return createModelJob({ model, shapes, ...(image === undefined ? {} : { image }) }, terminal);
}

function printEnd({ read, perfect }: DemoResult, isText: boolean, terminal: Terminal): void {
  const { bold } = terminal.colours;
  if (read.length > 0) {
    terminal.line(bold(isText ? "The text in the picture:" : "The best classes:"));
    for (const line of read) terminal.line(`  ${line}`);
  }
  if (!perfect) terminal.line(bold("\nNot every answer arrived with the bits of the whole model."));
  terminal.line(bold("\nTry next"));
  terminal.line("  npm start -- --image FILE             read your own picture");
  terminal.line("  npm start -- --model zoo:mobilenetv2  split another network");
  terminal.line("  npm start -- --model FILE.onnx        split your own");
  terminal.line(
    "  npx partita --help                    inspect, profile, plan, split, verify, run",
  );
}
