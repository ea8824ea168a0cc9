import { expect, onTestFinished, test } from "vitest";
import {
  coordinatorTransport,
  joinedKeys,
  makeAuthority,
} from "../../../test/fixtures/authority.ts";
import { joinAgent, realSetting, startCoordinator } from "../../../test/fixtures/cluster.ts";
import { pairProblem } from "../../../test/fixtures/pair.ts";
import { planOf } from "../../../test/fixtures/plan-of.ts";
import type { AgentOptions } from "../../cluster/agent-options.ts";
import type { Authority } from "../../cluster/authority.node.ts";
import { formatToken } from "../../cluster/token.ts";
import type { Plan } from "../../plan/plan.ts";
import { tcpTransport } from "../../transport/tcp.node.ts";
import { createTlsTransport } from "../../transport/tls.node.ts";
import type { Transport } from "../../transport/transport.ts";
import { checkCluster, checkCoordinator } from "./network.ts";
import { systemProbes } from "./probes.ts";
import { surveyAll } from "./reach.ts";

const problem = pairProblem("camera");

/** How a cluster's coordinator and its devices listen, and what people show to it. */
interface Ways {
  readonly coordinator: Transport;
  readonly waysOf: (device: string) => Promise<Pick<AgentOptions, "transport" | "keys">>;
  readonly authority: Authority | null;
  readonly token: string;
}

async function overTls(): Promise<Ways> {
  const authority = await makeAuthority();
  return {
    coordinator: coordinatorTransport(authority),
    waysOf: async (device) => {
      const keys = await joinedKeys(authority, device);
      const trust = authority.fingerprint;
      return { transport: createTlsTransport({ trust, identity: keys.identity }), keys };
    },
    authority,
    token: formatToken({ secret: "secret", fingerprint: authority.fingerprint }),
  };
}

const overTcp = async (): Promise<Ways> => ({
  coordinator: tcpTransport,
  waysOf: async () => ({ transport: tcpTransport }),
  authority: null,
  token: "secret",
});

test.each([
  ["TCP", overTcp],
  ["TLS", overTls],
])(
  "sees a cluster over %s as it is: first a device that is away, then both and their links",
  async (_, ways) => {
    const { coordinator: transport, waysOf, authority, token } = await ways();
    const plan = planOf(problem, ["camera", "cloud"]) as Plan;
    const setting = { ...realSetting(), transport };
    const options = { token: "secret", authority, calendar: () => Date.now() / 1000 };
    const coordinator = await startCoordinator(setting, problem, plan, options);
    onTestFinished(() => coordinator.close());
    const join = async (device: string) => {
      const options = { token: "secret", ...(await waysOf(device)) };
      await joinAgent(setting, coordinator, device, options);
    };
    const question = { join: coordinator.address, token };
    const look = async () => {
      const { checks, status } = await checkCoordinator(question, systemProbes);
      expect(checks.filter(({ state }) => state !== "ok")).toEqual([]);
      expect(checks.map(({ name }) => name)).toContain("clock skew");
      if (status === null) throw new Error("the coordinator did not tell how the cluster stands");
      const found = await checkCluster(status, ["camera", "cloud"], question.join, systemProbes);
      const whom = { address: question.join, token };
      const reached = await surveyAll(status, (...link) => systemProbes.survey(whom, ...link));
      return { found: Object.fromEntries(found.map(({ name, state }) => [name, state])), reached };
    };
    await join("camera");
    const before = await look();
    expect(before.found).toMatchObject({
      "device camera": "ok",
      "device cloud": "failed",
      "link camera → cloud": "skipped",
    });
    expect(before.reached).toEqual([]);
    await join("cloud");
    await coordinator.ready();
    const after = await look();
    expect(after.found).toMatchObject({
      "device camera": "ok",
      "device cloud": "ok",
      "link camera → cloud": "ok",
    });
    expect(after.reached).toMatchObject([
      { from: "camera", to: "cloud", way: "direct", fix: null },
      { from: "cloud", to: "camera", way: "direct", fix: null },
    ]);
    const another = token.replace("secret", "another");
    const refused = await checkCoordinator({ ...question, token: another }, systemProbes);
    expect(refused.checks.at(-1)).toMatchObject({ name: "token", state: "failed" });
  },
);

test("tells a coordinator of another cluster from its own", async () => {
  const { coordinator: transport, authority } = await overTls();
  const plan = planOf(problem, ["camera", "cloud"]) as Plan;
  const setting = { ...realSetting(), transport };
  const options = { token: "secret", authority };
  const coordinator = await startCoordinator(setting, problem, plan, options);
  onTestFinished(() => coordinator.close());
  const { fingerprint } = await makeAuthority();
  const token = formatToken({ secret: "secret", fingerprint });
  const { checks } = await checkCoordinator({ join: coordinator.address, token }, systemProbes);
  expect(checks.at(-1)).toMatchObject({ name: "identity", state: "failed" });
});
