import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { temporaryFolder } from "../../../test/fixtures/authority.ts";
import { plainTerminal } from "../../../test/fixtures/quiet-terminal.ts";
import { smallNetwork } from "../../../test/fixtures/small-network.ts";
import type { NatsCredentials } from "../../nats/connection.node.ts";
import { writeOnnxFile } from "../../onnx/files.node.ts";
import { fileSha256 } from "../model-hash.ts";
import type { Terminal } from "../terminal.ts";
import { deploy } from "./deploy.ts";

const folder = mkdtempSync(join(tmpdir(), "partita-deploy-"));
const at = (name: string): string => join(folder, name);
const topology = at("home.topology.yaml");
const file = at("small model.onnx");
const model = `small=${file}`;
const profile = "bench/profiles/squeezenet.profile.json";

const topologyText = `
format: partita.topology/1
devices: [{ name: camera, memory: 1 GiB }, { name: cloud, tier: cloud }]
links: [{ between: [camera, cloud], bandwidth: 40 Mbit/s }]
source: camera
`;

beforeAll(async () => {
  writeFileSync(topology, topologyText);
  await writeOnnxFile(file, smallNetwork(), { externalData: "always" });
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Where a user calls the command; the same for all calls that are to find the same keys. */
function place(nats: NatsCredentials = {}): {
  readonly terminal: Terminal;
  readonly written: () => string;
} {
  let written = "";
  const terminal = plainTerminal({ json: true, stateFolder: temporaryFolder(), nats });
  terminal.output.on("data", (piece) => {
    written += piece;
  });
  return { terminal, written: () => written };
}

async function call(
  words: readonly string[],
  options: Record<string, unknown>,
  terminal = place().terminal,
) {
  const { signal } = new AbortController();
  return await deploy.run({ arguments: ["kubernetes", ...words], options, terminal, signal });
}

const textsOf = (out: string): Record<string, string> =>
  Object.fromEntries(readdirSync(out).map((name) => [name, readFileSync(join(out, name), "utf8")]));

const objectsOf = (text: string) => parseAllDocuments(text).map((document) => document.toJS());

test("writes the same files for the same call, with the keys of the first", async () => {
  const { terminal } = place();
  const [first, second] = [at("first"), at("second")];
  for (const out of [first, second]) {
    await call([topology, model], { out, nats: "own", profile: [profile] }, terminal);
  }
  expect(textsOf(second)).toEqual(textsOf(first));
  expect(statSync(join(first, "secrets.yaml")).mode & 0o777).toBe(0o600);
  expect(textsOf(first)[".gitignore"]).toBe("secrets.yaml\n");
  const [token] = objectsOf(textsOf(first)["secrets.yaml"] ?? "");
  expect(token.stringData.token).toMatch(/^[\w-]+\.[\w-]{43}$/);
});

test("removes what an earlier call wrote and this one does not", async () => {
  const out = at("again");
  await call([topology, model], { out, nats: "own" });
  expect(readdirSync(out)).toContain("nats.yaml");
  writeFileSync(join(out, "mine.yaml"), "");
  await call([topology, model], { out });
  expect(readdirSync(out).sort()).toEqual([
    ".gitignore",
    "agents.yaml",
    "config.yaml",
    "coordinator.yaml",
    "kustomization.yaml",
    "mine.yaml",
    "namespace.yaml",
    "network.yaml",
    "secrets.yaml",
  ]);
});

test("says of each file of a model where it is to be copied, and by which sum it is known", async () => {
  const { terminal, written } = place();
  const out = at("copied");
  await call([topology, model], { out, namespace: "vision" }, terminal);
  const [config] = objectsOf(textsOf(out)["config.yaml"] ?? "");
  const files = [file, `${file}.data`];
  const sums = await Promise.all(files.map(fileSha256));
  expect(config.data["models.sha256"]).toBe(
    `${sums[0]}  small model.onnx\n${sums[1]}  small model.onnx.data\n`,
  );
  const { steps } = JSON.parse(written());
  const commands = steps.flatMap(({ commands }: { commands: string[] }) => commands);
  for (const path of files) {
    const target = `coordinator-0:/var/lib/partita/models/${path.slice(folder.length + 1)}`;
    expect(commands).toContain(`kubectl -n vision cp -c models '${path}' '${target}'`);
  }
});

test("somebody else's NATS is shown what it wants, and nothing of that is printed or stands in words", async () => {
  const [credentials, authorities] = [at("user.creds"), at("ca.pem")];
  writeFileSync(credentials, "s3cret of the user");
  writeFileSync(authorities, "certificates");
  const { terminal, written } = place({
    user: "other",
    password: "s3cret",
    credentials,
    authorities,
  });
  const nats = "nats://me:s3cret%2F@nats.example:4443/vision";
  const out = at("given");
  await call([topology, "zoo:squeezenet"], { out, nats }, terminal);
  const url = "nats://nats.example:4443/vision";
  expect(written()).toContain(`partita run --nats ${url} INPUT`);
  expect(written()).toContain("delete pod coordinator-b-0");
  const { "secrets.yaml": secrets = "", ...others } = textsOf(out);
  const secret = objectsOf(secrets).find(({ metadata }) => metadata.name === "nats");
  expect(secret.stringData).toEqual({
    user: "me",
    password: "s3cret/",
    "user.creds": "s3cret of the user",
    "ca.pem": "certificates",
  });
  expect(`${written()}${Object.values(others).join()}`).not.toContain("s3cret");
  expect(others["network.yaml"]).toContain("port: 4443");
  expect(others["coordinator.yaml"]).toContain(`--nats=${url}`);
});

test("several models are passed on with their names, rates, and how they are joined", async () => {
  const out = at("several");
  const given = { rate: ["door=5/s"], maxBatch: ["4", "net=1"], maxWait: ["door=5 ms"] };
  await call([topology, `door=${file}`, "net=zoo:squeezenet"], { out, ...given });
  const [{ spec }] = objectsOf(textsOf(out)["coordinator.yaml"] ?? "");
  expect(spec.template.spec.containers[0].args.slice(2, 8)).toEqual([
    "door=/var/lib/partita/models/small model.onnx",
    "net=zoo:squeezenet",
    "--rate=door=5/s",
    "--max-batch=4",
    "--max-batch=net=1",
    "--max-wait=door=5 ms",
  ]);
});

test("a profile that is too large for a ConfigMap is copied like a model", async () => {
  const out = at("large");
  const large = at("large.profile.json");
  writeFileSync(large, readFileSync(profile, "utf8") + " ".repeat(2 ** 20));
  await call([topology, "zoo:squeezenet"], { out, profile: [large, profile] });
  const [config] = objectsOf(textsOf(out)["config.yaml"] ?? "");
  expect(Object.keys(config.data)).toEqual(["topology.yaml", "profile-2.json", "models.sha256"]);
  expect(config.data["models.sha256"]).toBe(`${await fileSha256(large)}  profile-1.json\n`);
  const [{ spec }] = objectsOf(textsOf(out)["coordinator.yaml"] ?? "");
  expect(spec.template.spec.containers[0].args).toEqual(
    expect.arrayContaining([
      "--profile=/var/lib/partita/models/profile-1.json",
      "--profile=/etc/partita/profile-2.json",
    ]),
  );
});

test("passes on what plans are to be like, as it was written", async () => {
  const out = at("planned");
  const given = { objective: "throughput", maxLatency: "50 ms", tiles: true, codecs: false };
  await call([topology, "zoo:squeezenet"], {
    out,
    threads: "2",
    shape: ["input=1,3,64,64"],
    ...given,
  });
  const [{ spec }] = objectsOf(textsOf(out)["coordinator.yaml"] ?? "");
  const { args } = spec.template.spec.containers[0];
  expect(args.slice(2, -6)).toEqual([
    "squeezenet=zoo:squeezenet",
    "--objective=throughput",
    "--max-latency=50 ms",
    "--tiles",
    "--shape=input=1,3,64,64",
    "--threads=2",
    "--no-codecs",
  ]);
});

test.each([
  [["swarm", topology, model], {}, "USAGE_INVALID", "swarm"],
  [["kubernetes", topology, model], { out: undefined }, "USAGE_INVALID", "--out"],
  [["kubernetes", topology, model], { namespace: "My Home" }, "USAGE_INVALID", "My Home"],
  [["kubernetes", topology, model], { nats: "somewhere" }, "USAGE_INVALID", "nats://"],
  [["kubernetes", topology, model], { maxLatency: "50" }, "USAGE_INVALID", "--max-latency"],
  [["kubernetes", topology, model], { token: "a.b.c" }, "USAGE_INVALID", "token"],
  [["kubernetes", topology, "-"], {}, "USAGE_INVALID", "standard input"],
  [["kubernetes", model, topology], {}, "USAGE_INVALID", "topology"],
  [["kubernetes", topology, at("none.onnx")], {}, "FILE_NOT_FOUND", "none.onnx"],
  [["kubernetes", topology, "zoo:nonet"], {}, "ZOO_UNKNOWN", "nonet"],
  [["kubernetes", topology, model], { profile: [topology] }, "PROFILE_INVALID", "home.topology"],
  [["kubernetes", topology, file], {}, "USAGE_INVALID", "NAME="],
  [["kubernetes", topology, model], { rate: ["other=5/s"] }, "USAGE_INVALID", "other"],
  [["kubernetes", topology, model, "a=zoo:alexnet"], { nats: "own" }, "USAGE_INVALID", "--nats"],
])("refuses %j with %j: %s, naming %s, and writes nothing", async (words, options, code, name) => {
  const { terminal } = place();
  const out = at("refused");
  const { signal } = new AbortController();
  const given = { out, ...options };
  await expect(
    deploy.run({ arguments: words, options: given, terminal, signal }),
  ).rejects.toMatchObject({ code, message: expect.stringContaining(name) });
  expect(readdirSync(folder)).not.toContain("refused");
});

test("two models of one name that differ are refused", async () => {
  const other = join(temporaryFolder(), "small model.onnx");
  await writeOnnxFile(other, smallNetwork(), { externalData: "never" });
  await expect(
    call([topology, model, `other=${other}`], { out: at("clash") }),
  ).rejects.toMatchObject({
    code: "USAGE_INVALID",
  });
});
