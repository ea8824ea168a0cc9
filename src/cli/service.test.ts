import { createServer } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { temporaryFolder } from "../../test/fixtures/authority.ts";
import { modelOfGraph } from "../../test/fixtures/digest-runtime.ts";
import { mesh, meshDevices, meshPlan } from "../../test/fixtures/mesh.ts";
import { quietTerminal } from "../../test/fixtures/quiet-terminal.ts";
import { fileJournal } from "../cluster/journal.node.ts";
import { formatJournal, tokenMarkOf } from "../cluster/journal.ts";
import { graphSha256 } from "../cost/graph-hash.ts";
import type { Deployable } from "./deploy.ts";
import { openGround, type ServiceOptions, startService } from "./service.ts";

const { graph } = mesh.index;
const plan = meshPlan(...meshDevices);
const model = modelOfGraph(graph);

const deployable: Deployable = {
  named: { name: "mesh", model },
  topology: mesh.topology,
  plan,
  prepared: { model, graph, types: new Map(), openTypes: new Map() },
  constantOutputs: {},
};

const options: ServiceOptions = {
  deployable,
  http: undefined,
  mixed: false,
  adapt: false,
  heartbeatSeconds: undefined,
  missedHeartbeats: undefined,
  onEvent: () => undefined,
};

test("a coordinator that cannot serve status leaves a cluster that runs as it is", async () => {
  const folder = temporaryFolder();
  const journal = fileJournal(join(folder, "journal.json"));
  const running = formatJournal({
    format: "partita.journal/2",
    graphSha256: graphSha256(graph),
    tokenMark: tokenMarkOf({ token: "secret" }),
    lastGeneration: 7,
    started: true,
    generations: [{ generation: 7, standby: false, cause: "the first plan", plan }],
    devices: {},
  });
  await journal.save(running);
  const other = createServer().listen(0, "127.0.0.1");
  onTestFinished(() => void other.close());
  await new Promise((resolve) => other.once("listening", resolve));
  const { port } = other.address() as { port: number };
  const listen = "127.0.0.1:0";
  const terminal = quietTerminal();
  const choices = { listen, tls: undefined, token: "secret", folder, forget: [], terminal };
  const ground = await openGround(choices);
  const starting = startService(ground, { ...options, http: `127.0.0.1:${port}` });
  await expect(starting).rejects.toMatchObject({ code: "PORT_IN_USE" });
  await ground[Symbol.asyncDispose]();
  expect(await journal.load()).toBe(running);
});
