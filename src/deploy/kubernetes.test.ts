import { expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import {
  type Container,
  containersOf,
  covers,
  installation,
  installations,
  manifestsOf,
  named,
  type Pods,
  podsOf,
} from "../../test/fixtures/installations.ts";
import { complaintsOf } from "../../test/fixtures/kubernetes-schema.ts";
import { parseQuantity } from "../base/units.ts";
import type { Installation } from "./installation.ts";
import { kubernetesFiles, kubernetesManifests } from "./kubernetes.ts";
import type { Manifest } from "./manifest.ts";

test.each(Object.entries(installations))(
  "%s, every object keeps to the schema of its kind and has no field that it does not know",
  (_, given) => {
    for (const manifest of manifestsOf(given)) {
      expect([manifest.metadata.name, complaintsOf(manifest)]).toEqual([
        manifest.metadata.name,
        [],
      ]);
    }
  },
);

test("a field that Kubernetes does not know is found wherever it stands", () => {
  // Quantities may have any name.
  const open = /\/(requests|limits)$/;
  const missed: string[] = [];
  let tried = 0;
  const plant = (manifest: Manifest, value: unknown, path: readonly string[]): void => {
    if (typeof value !== "object" || value === null) return;
    if (!Array.isArray(value) && !open.test(path.join("/"))) {
      const planted = structuredClone(manifest) as Record<string, unknown>;
      const target = path.reduce((at, key) => at[key] as Record<string, unknown>, planted);
      target["unexpected"] = 1;
      tried++;
      if (complaintsOf(planted).length === 0) missed.push(`${manifest.kind} ${path.join("/")}`);
    }
    for (const [key, inner] of Object.entries(value)) plant(manifest, inner, [...path, key]);
  };
  for (const given of ["with a monitor", "with a NATS of its own"]) {
    const manifests = manifestsOf(installations[given] as Installation);
    for (const manifest of manifests) plant(manifest, manifest, []);
  }
  expect(missed).toEqual([]);
  expect(tried).toBeGreaterThan(300);
});

test("a field of the wrong type, and one that is missing, are found", () => {
  const pods = podsOf(manifestsOf(installation))[0] as Pods;
  const { selector: _, ...rest } = pods.spec;
  expect(complaintsOf({ ...pods, spec: rest })[0]).toContain("selector");
  expect(complaintsOf({ ...pods, spec: { ...pods.spec, replicas: "1" } })[0]).toContain("replicas");
  expect(complaintsOf({ ...pods, kind: "Stateful" })[0]).toBe("there is no Stateful in apps/v1");
});

test.each(Object.entries(installations))(
  "%s, names are those that Kubernetes takes, and no two objects of a kind have the same",
  (_, given) => {
    const manifests = manifestsOf(given);
    const names = manifests.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
    expect(new Set(names).size).toBe(names.length);
    for (const { metadata } of manifests) {
      // A pod's name is its set's with a number, and the hash of a revision is a label.
      expect(metadata.name).toMatch(/^[a-z]([a-z0-9-]{0,50}[a-z0-9])?$/);
    }
  },
);

test.each(Object.entries(installations))("%s, what pods refer to is there", (_, given) => {
  const manifests = manifestsOf(given);
  for (const { spec } of podsOf(manifests)) {
    const { template, selector, serviceName, volumeClaimTemplates } = spec;
    expect(covers(template.metadata.labels, selector.matchLabels)).toBe(true);
    named(manifests, "Service", serviceName);
    for (const { configMap, secret } of template.spec.volumes) {
      if (configMap !== undefined) named(manifests, "ConfigMap", configMap.name);
      if (secret !== undefined) named(manifests, "Secret", secret.secretName);
    }
    const volumes = [
      ...template.spec.volumes.map(({ name }) => name),
      ...volumeClaimTemplates.map(({ metadata }) => metadata.name),
    ];
    const containers = containersOf(template);
    const mounted = containers.flatMap(({ volumeMounts }) => volumeMounts.map(({ name }) => name));
    expect(new Set(mounted)).toEqual(new Set(volumes));
    for (const { valueFrom } of containers.flatMap(({ env = [] }) => env)) {
      if (valueFrom === undefined) continue;
      const { name, key } = valueFrom.secretKeyRef;
      expect(named(manifests, "Secret", name)["stringData"]).toHaveProperty([key]);
    }
  }
});

test.each(Object.entries(installations))("%s, services find pods that listen", (_, given) => {
  const manifests = manifestsOf(given);
  for (const { kind, spec } of manifests) {
    if (kind !== "Service") continue;
    const { selector, ports } = spec as {
      readonly selector: object;
      readonly ports: readonly { readonly port: number; readonly targetPort: string }[];
    };
    const chosen = podsOf(manifests).filter((each) =>
      covers(each.spec.template.metadata.labels, selector),
    );
    expect(chosen.length).toBeGreaterThan(0);
    for (const { spec } of chosen) {
      const open = spec.template.spec.containers.flatMap((container) => container.ports ?? []);
      for (const { port, targetPort } of ports) {
        expect(open).toContainEqual({ name: targetPort, containerPort: port });
      }
    }
  }
});

test("secrets stand in their file only, and each pod sees only its own", () => {
  const given = installations["with a NATS of its own"] as Installation;
  const { "secrets.yaml": secrets = "", ...others } = kubernetesFiles(given);
  for (const secret of ["secret.print", "certificate", "pass-word"]) {
    expect(secrets).toContain(secret);
    expect(Object.values(others).join()).not.toContain(secret);
  }
  const agents = podsOf(manifestsOf(given)).filter(({ metadata }) =>
    metadata.name.startsWith("agent-"),
  );
  expect(JSON.stringify(agents)).not.toContain("authority");
});

test("pods are allowed where the restricted Pod Security Standard is enforced", () => {
  // Kubernetes documentation, "Pod Security Standards", Restricted.
  const manifests = manifestsOf(installations["with a NATS of its own"] as Installation);
  expect(named(manifests, "Namespace", "vision").metadata.labels).toMatchObject({
    "pod-security.kubernetes.io/enforce": "restricted",
  });
  for (const { spec } of podsOf(manifests)) {
    expect(spec.template.spec.securityContext).toMatchObject({
      runAsNonRoot: true,
      seccompProfile: { type: "RuntimeDefault" },
    });
    for (const container of containersOf(spec.template)) {
      expect(container.securityContext).toMatchObject({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ["ALL"] },
      });
    }
    for (const { name, ...volume } of spec.template.spec.volumes) {
      expect([name, ["configMap", "emptyDir", "secret"]]).toEqual([
        name,
        expect.arrayContaining(Object.keys(volume)),
      ]);
    }
  }
});

test.each(Object.entries(installations))(
  "%s, every port that a pod listens on may be dialled by somebody, and no other",
  (_, given) => {
    const manifests = manifestsOf(given);
    const policies = manifests
      .filter(({ kind }) => kind === "NetworkPolicy")
      .map(
        ({ spec }) =>
          spec as {
            readonly podSelector: { readonly matchLabels?: object };
            readonly ingress: readonly { readonly ports: readonly { readonly port: number }[] }[];
          },
      );
    // Without a port of its own: what the machine's kubelet asks is not filtered.
    const asked = ["monitor"];
    for (const { spec } of podsOf(manifests)) {
      const { labels } = spec.template.metadata;
      const own = policies.filter(({ podSelector }) =>
        covers(labels, podSelector.matchLabels ?? {}),
      );
      const allowed = own.flatMap(({ ingress }) => ingress.flatMap(({ ports }) => ports));
      const open = spec.template.spec.containers.flatMap(({ ports = [] }) => ports);
      expect(new Set(allowed.map(({ port }) => port))).toEqual(
        new Set(open.filter(({ name }) => !asked.includes(name)).map((each) => each.containerPort)),
      );
    }
  },
);

test("pods are not killed before what was asked has had its time", () => {
  const coordinator = named(manifestsOf(installation), "StatefulSet", "coordinator") as Pods;
  const { terminationGracePeriodSeconds: grace, containers } = coordinator.spec.template.spec;
  const { args, lifecycle } = containers[0] as Container;
  const drain = args?.find((word) => word.startsWith("--drain="))?.replace("--drain=", "") ?? "";
  const withdrawnSeconds = Number(lifecycle?.preStop.exec.command.at(-1));
  // A server lets its last connections end, and tells its agents.
  expect(grace).toBeGreaterThan(withdrawnSeconds + parseQuantity(drain, "s") + 10);
});

test("of two coordinators one leads, whatever is changed, but for the time of a takeover", () => {
  const manifests = manifestsOf(installations["with a NATS of its own"] as Installation);
  const [one, other] = ["coordinator-a", "coordinator-b"].map(
    (name) => named(manifests, "StatefulSet", name) as Pods,
  );
  // Both would be ended at once, and nobody stand by.
  expect([one?.spec.updateStrategy, other?.spec.updateStrategy]).toEqual([
    undefined,
    { type: "OnDelete" },
  ]);
  for (const pods of [one, other]) {
    const { terminationGracePeriodSeconds: grace, containers } = (pods as Pods).spec.template.spec;
    const { args, lifecycle, readinessProbe } = containers[0] as Container;
    // The lead is handed over on SIGTERM, and nobody is sent to a pod that is to end.
    expect(lifecycle).toBeUndefined();
    expect(readinessProbe?.periodSeconds).toBe(1);
    expect(args).toContain("--drain=60s");
    expect(grace).toBeGreaterThan(6 + 60 + 10);
  }
  const budgets = manifests.filter(({ kind }) => kind === "PodDisruptionBudget");
  expect(budgets.map(({ metadata }) => metadata.name)).toEqual(["agents"]);
});

test("somebody else's NATS is dialled at its own port", () => {
  const manifests = manifestsOf(installations["with somebody else's NATS"] as Installation);
  for (const name of ["agents", "coordinator", "clients"]) {
    const { egress } = named(manifests, "NetworkPolicy", name)["spec"] as {
      readonly egress: readonly object[];
    };
    expect(egress).toContainEqual({ ports: [{ protocol: "TCP", port: 4443 }] });
  }
});

test("all pods that dial NATS start again when it wants another password", () => {
  const inputsWith = (password: string) =>
    podsOf(manifestsOf({ ...installation, nats: { type: "own", password } })).map(
      ({ spec }) => spec.template.metadata.annotations["partita.dev/inputs"],
    );
  const [before, after] = [inputsWith("word"), inputsWith("other")];
  expect(before.filter((inputs, at) => inputs === after[at])).toEqual([]);
});

test("the texts say what the objects say, also to readers of YAML 1.1", () => {
  const texts = { "topology.yaml": "yes\n", "profile-1.json": "1_000" };
  const given = { ...installation, texts, image: "on", storageClass: "0o7" };
  const files = kubernetesFiles(given);
  const manifests = kubernetesManifests(given);
  const { resources } = parse(files["kustomization.yaml"] ?? "");
  expect(resources).toEqual(Object.keys(manifests));
  for (const version of ["1.1", "1.2"] as const) {
    for (const [file, objects] of Object.entries(manifests)) {
      const documents = parseAllDocuments(files[file] ?? "", { version });
      expect(documents.map((document) => document.toJS())).toEqual(objects);
    }
  }
});
