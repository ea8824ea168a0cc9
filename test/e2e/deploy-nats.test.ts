import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { systemClock } from "../../src/base/clock.node.ts";
import { seconds } from "../../src/base/units.ts";
import { deploy } from "../../src/cli/commands/deploy.ts";
import type { Manifest } from "../../src/deploy/manifest.ts";
import { natsConfiguration } from "../../src/deploy/nats.ts";
import { debianPackage } from "../debian-package.ts";
import { type Container, named, type Pods, podsOf } from "../fixtures/installations.ts";
import { freePort, startNatsServer } from "../fixtures/nats-server.ts";
import { quietTerminal } from "../fixtures/quiet-terminal.ts";
import { Workbench } from "./partita.ts";
import { questionOf, ServingProcess } from "./serving-process.ts";

/** A folder that ends with the test. */
function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), "partita-nats-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** What a real server says of a configuration that it only reads. */
async function read(configuration: string): Promise<string> {
  const file = join(temporary(), "nats.conf");
  writeFileSync(file, configuration);
  const server = join(await debianPackage("nats-server"), "usr/sbin/nats-server");
  const ended = promisify(execFile)(server, ["--config", file, "-t"]);
  return await ended.then(
    ({ stderr }) => stderr,
    ({ stderr }) => stderr,
  );
}

test("the configuration that is written for a NATS server is one, whatever the password", async () => {
  for (const password of ["12ab", "1e5", "-_-", "true"]) {
    expect(await read(natsConfiguration(password))).toContain("is valid");
  }
  expect(await read(natsConfiguration('"'))).not.toContain("is valid");
});

const topology = `format: partita.topology/1
devices: [{ name: camera }, { name: cloud, tier: cloud, speed: 2 }]
links: [{ between: [camera, cloud], bandwidth: 1 Gbit/s }]
source: camera
`;

/** The manifests of one model and a NATS server, by file. */
async function writeManifests(): Promise<Manifest[]> {
  const folder = temporary();
  const file = join(folder, "home.topology.yaml");
  writeFileSync(file, topology);
  const out = join(folder, "manifests");
  const model = "door=zoo:squeezenet?resolution=32&width=0.125&classes=10";
  const code = await deploy.run({
    arguments: ["kubernetes", file, model],
    options: { out, nats: "own", rate: ["door=5/s"], codecs: false },
    terminal: quietTerminal(),
    signal: new AbortController().signal,
  });
  expect(code).toBe(0);
  const files = ["config", "secrets", "coordinator", "agents"].map((name) => `${name}.yaml`);
  return files.flatMap((name) =>
    parseAllDocuments(readFileSync(join(out, name), "utf8")).map((each) => each.toJS()),
  );
}

const textOf = (manifests: Manifest[], kind: string, name: string, key: string): string => {
  const { data, stringData } = named(manifests, kind, name) as Manifest & Record<string, unknown>;
  return ((data ?? stringData) as Record<string, string>)[key] ?? "";
};

/** What a container finds in its environment, as far as it comes from a Secret. */
const environmentOf = ({ env = [] }: Container, manifests: Manifest[]): Record<string, string> =>
  Object.fromEntries(
    env.flatMap(({ name, valueFrom }) => {
      if (valueFrom === undefined) return [];
      const { secretKeyRef } = valueFrom;
      return [[name, textOf(manifests, "Secret", secretKeyRef.name, secretKeyRef.key)]];
    }),
  );

test("two servers and their agents run by the words of the manifests, and one takes over", {
  timeout: 120_000,
}, async () => {
  const manifests = await writeManifests();
  const pods = podsOf(manifests);
  const [first] = pods.map(({ spec }) => spec.template.spec.containers[0] as Container);
  const bench = new Workbench(environmentOf(first as Container, manifests));
  onTestFinished(() => bench.remove());
  bench.write("topology.yaml", textOf(manifests, "ConfigMap", "config", "topology.yaml"));
  const configuration = textOf(manifests, "Secret", "nats-server", "nats.conf");
  const login = /authorization \{[^}]*\}/.exec(configuration)?.[0] ?? "";
  await using server = await startNatsServer(login);
  const wordsOf = async ({ metadata, spec }: Pods): Promise<string[]> => {
    const { args = [] } = spec.template.spec.containers[0] as Container;
    const port = await freePort();
    const here = args.map((word) =>
      word
        .replace("nats://nats:4222", server.url)
        .replace("/etc/partita", bench.folder)
        .replace("/var/lib/partita", bench.path(metadata.name))
        .replace(/0\.0\.0\.0:700[01]$/, `127.0.0.1:${port}`)
        .replace(/0\.0\.0\.0:800[012]$/, "127.0.0.1:0"),
    );
    return args[0] === "serve" ? [...here, "--tls", "--json"] : here;
  };
  const start = async (pod: Pods) => {
    const child = bench.start(...(await wordsOf(pod)));
    onTestFinished(() => void child.kill("SIGKILL"));
    return child;
  };
  const serve = async (pod: Pods) => {
    // As its init container does.
    const state = bench.path(join(pod.metadata.name, "state"));
    mkdirSync(state, { recursive: true });
    const authority = textOf(manifests, "Secret", "authority", "authority.pem");
    writeFileSync(join(state, "authority.pem"), authority, { mode: 0o600 });
    const process = new ServingProcess(await start(pod));
    const { http } = await process.hear(({ type }) => type === "listening");
    return { process, http };
  };
  const [one, other, ...agents] = pods as [Pods, Pods, Pods, Pods];
  const leader = await serve(one);
  await leader.process.hear(({ type }) => type === "leading");
  const standby = await serve(other);
  await standby.process.hear(({ type }) => type === "standby");
  await Promise.all(agents.map(start));
  const status = async (http: string, path: string) => (await fetch(`${http}/v2/${path}`)).status;
  const ready = async (http: string) => {
    while ((await status(http, "health/ready")) !== 200) await systemClock.sleep(seconds(0.05));
  };
  await ready(leader.http);
  const question = JSON.stringify(await questionOf(leader.http, "door"));
  const ask = async (http: string) => {
    const answer = await fetch(`${http}/v2/models/door/infer`, { method: "POST", body: question });
    return { status: answer.status, text: await answer.text() };
  };
  const expected = await ask(leader.http);
  expect(expected.status).toBe(200);
  expect([
    await status(standby.http, "health/live"),
    await status(standby.http, "health/ready"),
  ]).toEqual([200, 503]);
  expect(await ask(standby.http)).toMatchObject({
    status: 503,
    text: expect.stringContaining("stands by"),
  });
  leader.process.child.kill("SIGKILL");
  await ready(standby.http);
  expect(await ask(standby.http)).toEqual(expected);
  standby.process.child.kill("SIGTERM");
  expect(await standby.process.ended()).toBe(0);
});
