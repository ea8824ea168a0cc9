import fc from "fast-check";
import { expect, test } from "vitest";
import {
  installation,
  installations,
  manifestsOf,
  named,
  type Pods,
  podsOf,
} from "../../test/fixtures/installations.ts";
import { complaintsOf } from "../../test/fixtures/kubernetes-schema.ts";
import type { Installation } from "./installation.ts";

test("devices join on the machine that is labelled as them, all but the coordinator's own", () => {
  const agents = podsOf(manifestsOf(installation)).slice(1);
  expect(
    agents.map(({ metadata, spec }) => [
      metadata.name,
      spec.template.spec.nodeSelector?.["partita.dev/device"],
      spec.template.spec.containers[0]?.args?.find((word) => word.startsWith("--name=")),
    ]),
  ).toEqual([
    ["agent-camera", "camera", "--name=camera"],
    [
      expect.stringMatching(/^agent-gate-way-/),
      expect.stringMatching(/^gate-way-/),
      "--name=Gate Way",
    ],
  ]);
});

test("memory and cores are those of the topology, with room for the agent itself", () => {
  const [coordinator, camera, gateway] = podsOf(manifestsOf(installation)).map(
    ({ spec }) => spec.template.spec.containers[0],
  );
  expect(camera?.resources).toEqual({
    requests: { cpu: "2", memory: "768Mi" },
    limits: { cpu: "3", memory: "768Mi" },
  });
  expect(camera?.args).toContain(`--memory=${512 * 2 ** 20} B`);
  // The topology gives it all the memory that its machine has.
  expect(gateway?.resources).toEqual({
    requests: { cpu: "2", memory: "359Mi" },
    limits: { cpu: "3" },
  });
  expect(gateway?.args?.join()).not.toContain("--memory");
  expect(coordinator?.resources.limits["memory"]).toBe(`${1024 + 5 * 103}Mi`);
});

test("a coordinator waits for each file that somebody has to copy", () => {
  const manifests = manifestsOf(installation);
  const { data } = named(manifests, "ConfigMap", "config");
  expect(data).toMatchObject({
    "models.sha256": `${"0".repeat(64)}  model.onnx\n${"1".repeat(64)}  weights/model.data\n`,
  });
  const waiting = podsOf(manifests)[0]?.spec.template.spec.initContainers?.at(-1);
  expect(waiting?.command?.slice(4)).toEqual([
    "/var/lib/partita/models",
    "/var/lib/partita/models/weights",
  ]);
  const nothing = manifestsOf({ ...installation, copied: [] });
  const [{ spec } = {} as Pods] = podsOf(nothing);
  expect(spec.template.spec.initContainers?.map(({ name }) => name)).toEqual(["authority"]);
  expect(named(nothing, "ConfigMap", "config")["data"]).not.toHaveProperty(["models.sha256"]);
});

test("with NATS there are two coordinators, and agents are told of it instead of one of them", () => {
  const wordsOf = (given: Installation) =>
    podsOf(manifestsOf(given)).map(({ metadata, spec }) => [
      metadata.name,
      spec.template.spec.containers[0]?.args?.filter((word) => /^--(nats|join)=/.test(word)),
    ]);
  const join = ["--join=coordinator-0.coordinator:7000"];
  expect(wordsOf(installation).slice(0, 2)).toEqual([
    ["coordinator", []],
    ["agent-camera", join],
  ]);
  const nats = ["--nats=tls://nats.example:4443/vision?replicas=3"];
  const given = installations["with somebody else's NATS"] as Installation;
  expect(wordsOf(given).slice(0, 3)).toEqual([
    ["coordinator-a", nats],
    ["coordinator-b", nats],
    ["agent-camera", nats],
  ]);
  expect(wordsOf(given)).toHaveLength(4);
});

test("what NATS wants to be shown comes from a Secret: words in the environment, files in a folder", () => {
  const manifests = manifestsOf(installations["with somebody else's NATS"] as Installation);
  expect(named(manifests, "Secret", "nats")["stringData"]).toEqual({
    user: "me",
    password: "pass-word",
    "user.creds": "user\n",
    "ca.pem": "pem\n",
  });
  for (const { spec } of podsOf(manifests)) {
    const { containers, volumes } = spec.template.spec;
    const shown = containers[0]?.env?.filter(({ name }) => name.startsWith("PARTITA_NATS_"));
    expect(shown).toEqual([
      { name: "PARTITA_NATS_USER", valueFrom: { secretKeyRef: { name: "nats", key: "user" } } },
      {
        name: "PARTITA_NATS_PASSWORD",
        valueFrom: { secretKeyRef: { name: "nats", key: "password" } },
      },
      { name: "PARTITA_NATS_CREDS", value: "/run/nats/user.creds" },
      { name: "PARTITA_NATS_CA", value: "/run/nats/ca.pem" },
    ]);
    expect(volumes).toContainEqual({
      name: "nats",
      secret: {
        secretName: "nats",
        items: ["user.creds", "ca.pem"].map((key) => ({ key, path: key })),
      },
    });
  }
});

test("pods start again when what they read has changed", () => {
  const inputsOf = (given: Installation): unknown[] =>
    podsOf(manifestsOf(given)).map(({ spec }) =>
      Reflect.get(spec.template.metadata, "annotations"),
    );
  const [coordinator, ...agents] = inputsOf(installation);
  const replanned = inputsOf({ ...installation, texts: { "topology.yaml": "another" } });
  expect(replanned[0]).not.toEqual(coordinator);
  expect(replanned.slice(1)).toEqual(agents);
  const credentials = { ...installation.credentials, token: "other.print" };
  expect(inputsOf({ ...installation, credentials })[1]).not.toEqual(agents[0]);
});

test("whatever devices are called, each has a valid name and label of its own, and hears its own", () => {
  const device = { tier: "device", speed: 1, memoryBytes: null } as const;
  const names = fc.uniqueArray(
    fc.oneof(fc.string({ minLength: 1 }), fc.string({ minLength: 1, unit: "binary" })),
    { minLength: 1, maxLength: 4 },
  );
  fc.assert(
    fc.property(names, (names) => {
      const devices = names.map((name) => ({
        ...(installation.topology.devices[0] as Installation["topology"]["devices"][0]),
        ...device,
        name,
      }));
      const topology = { ...installation.topology, devices, source: names[0] ?? "" };
      const manifests = manifestsOf({ ...installation, topology });
      expect(manifests.flatMap(complaintsOf)).toEqual([]);
      const agents = podsOf(manifests).slice(1);
      const written = agents.map(({ metadata }) => metadata.name);
      expect(new Set(written).size).toBe(names.length);
      for (const [at, { metadata, spec }] of agents.entries()) {
        expect(metadata.name).toMatch(/^[a-z]([a-z0-9-]{0,50}[a-z0-9])?$/);
        expect(spec.template.spec.nodeSelector?.["partita.dev/device"]).toMatch(
          /^[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?$/,
        );
        const said = spec.template.spec.containers[0]?.args?.[1];
        expect(expanded(said ?? "")).toBe(`--name=${names[at]}`);
      }
    }),
    { numRuns: 10 },
  );
});

/** As Kubernetes reads arguments: `$$` is a `$`, and `$(NAME)` a variable, of which there is none. */
function expanded(word: string): string {
  return word.replace(/\$\$|\$\([^)]*\)/g, (found) => (found === "$$" ? "$" : ""));
}
