import { rm } from "node:fs/promises";
import { join } from "node:path";
import { writePrivate } from "../../cluster/key-file.node.ts";
import type { Installation } from "../../deploy/installation.ts";
import { kubernetesFiles, manifestFiles, secretsFile } from "../../deploy/kubernetes.ts";
import { checkNamespace } from "../../deploy/manifest.ts";
import {
  argumentAt,
  type Call,
  type Command,
  defineCommand,
  flag,
  needed,
  text,
  texts,
  usage,
} from "../command.ts";
import { makeFolder, writeWhole } from "../files.ts";
import { type InstallationInputs, readInstallationInputs } from "../installation-inputs.ts";
import { chooseNats, openInstallationKeys } from "../installation-keys.ts";
import { allPassedOn, type PassedOn } from "../passed-on.ts";
import { stateFolderOf } from "../places.ts";
import { topologyArgument } from "../planning.ts";
import { type InstallationStep, installationSteps } from "../print/installation-steps.ts";
import { readNamedModels, refuseForSeveral } from "../serving/named-models.ts";
import { servingOptions } from "../serving/serving-options.ts";
import { readToken, tokenOption } from "../token-option.ts";
import { version } from "../version.ts";

const ownOptions = {
  out: text("-o, --out <folder>", "where to write the manifests"),
  namespace: text("--namespace <name>", "where in the cluster (default partita)"),
  image: text("--image <name>", "of the container, as docker/Dockerfile makes it"),
  nats: text(
    "--nats <own|url>",
    "two servers of one model, of which one leads: by a NATS server that is written, too, or yours (PARTITA_NATS_USER, _PASSWORD, _TOKEN, _CREDS, _CA)",
  ),
  storageClass: text("--storage-class <name>", "of all volumes (default: the cluster's)"),
  serviceMonitor: flag("--service-monitor", "have the Prometheus operator collect the metrics"),
  profile: texts(
    "--profile <file>",
    "plan with these profiles; without any the coordinator measures where it runs",
  ),
  token: tokenOption("what agents and clients must show (default: one that is made and kept)"),
  state: text("--state <folder>", "keys of the cluster (default: by the namespace's name)"),
};

/** What the coordinator's container is told as it was given. */
const served = allPassedOn(servingOptions);

const options = { ...ownOptions, ...served };

type Choices = { readonly [K in keyof typeof options]: ReturnType<(typeof options)[K]["read"]> };

/** `partita deploy kubernetes TOPOLOGY MODEL… --out FOLDER`. */
export const deploy: Command = defineCommand({
  summary: "write what an engine needs to place coordinator and agents on machines",
  arguments: [
    { syntax: "<engine>", summary: "kubernetes" },
    topologyArgument,
    {
      syntax: "<model...>",
      summary: "one or more: .onnx or zoo:NAME; NAME=MODEL serves it as NAME",
    },
  ],
  options,
  examples: [
    "partita deploy kubernetes home.topology.yaml model.onnx --profile model.profile.json -o manifests",
    "partita deploy kubernetes home.topology.yaml door=a.onnx b.onnx --rate door=5/s -o manifests",
    "partita deploy kubernetes home.topology.yaml model.onnx --nats own -o manifests",
  ],
  run: async (call) => {
    const { options, terminal } = call;
    const engine = argumentAt(call, 0);
    if (engine !== "kubernetes") throw usage(`deploy knows kubernetes, not "${engine}"`);
    const folder = needed(options.out, "--out FOLDER", "where to write the manifests");
    const { inputs, installation } = await readInstallation(call);
    const files = await write(kubernetesFiles(installation), folder, call);
    const steps = installationSteps(installation, inputs.copied, folder);
    if (terminal.json) {
      terminal.document({ folder, files, steps });
      return 0;
    }
    terminal.line(`wrote ${files.length} files to ${folder}; ${secretsFile} holds keys`);
    for (const step of steps) printStep(step, call);
    return 0;
  },
});

async function readInstallation(
  call: Call<Choices>,
): Promise<{ inputs: InstallationInputs; installation: Installation }> {
  const { options, terminal } = call;
  const [, topologyFile = "", ...words] = call.arguments;
  const namespace = checkNamespace(options.namespace ?? "partita");
  const { rate, maxBatch, maxWait, objective } = options;
  const asked = { rate: rate.value, maxBatch: maxBatch.value, maxWait: maxWait.value };
  const models = readNamedModels(words, asked);
  refuseForSeveral(models, { objective: objective.value, nats: options.nats });
  const inputs = await readInstallationInputs(topologyFile, models, options.profile, terminal);
  const state =
    options.state ??
    stateFolderOf({ stateFolder: join(terminal.stateFolder, "kubernetes") }, namespace);
  const passed = Object.keys(served).map(
    (key) => options[key as keyof typeof served] as PassedOn<unknown>,
  );
  const installation: Installation = {
    namespace,
    image: options.image ?? `partita:${version}`,
    version,
    topology: inputs.topology,
    texts: inputs.texts,
    copied: inputs.copied.map(({ path: _, ...file }) => file),
    served: [...inputs.words, ...passed.flatMap(({ words }) => words)],
    weightBytes: inputs.weightBytes,
    threads: options.threads.value ?? 1,
    credentials: await openInstallationKeys(state, await readToken(options.token, terminal)),
    nats: await chooseNats(state, options.nats, terminal),
    storageClass: options.storageClass ?? null,
    serviceMonitor: options.serviceMonitor,
  };
  return { inputs, installation };
}

/** Writes all files, and removes those of an earlier call that are of no use any more. */
async function write(
  files: Readonly<Record<string, string>>,
  folder: string,
  { terminal }: Call<Choices>,
): Promise<string[]> {
  await makeFolder(folder);
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name);
    if (name === secretsFile) await writePrivate(path, content, "replace");
    else await writeWhole(path, content, terminal);
  }
  await writeWhole(join(folder, ".gitignore"), `${secretsFile}\n`, terminal);
  const idle = manifestFiles.filter((name) => !Object.hasOwn(files, name));
  for (const name of idle) await rm(join(folder, name), { force: true });
  return Object.keys(files);
}

function printStep({ title, commands }: InstallationStep, { terminal }: Call<Choices>): void {
  terminal.line();
  terminal.line(terminal.colours.bold(title));
  for (const command of commands) terminal.line(`  ${command}`);
}
