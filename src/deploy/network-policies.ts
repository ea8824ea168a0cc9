/**
 * Who may dial whom. Everything else is refused, in both directions.
 *
 * @module
 */
import { agentLabels } from "./agents.ts";
import { coordinatorName, openPorts } from "./coordinator.ts";
import { type Installation, ports } from "./installation.ts";
import { clientLabels, type Labels, labelsOf, type Manifest, metadataOf } from "./manifest.ts";

interface Way {
  readonly ports: readonly { readonly protocol: "TCP" | "UDP"; readonly port: number }[];
  /** Left out: everybody. */
  readonly peers?: readonly { readonly podSelector: { readonly matchLabels: Labels } }[];
}

const coordinators = labelsOf(coordinatorName);
const natsServers = labelsOf("nats");

export function networkPolicies(installation: Installation): Manifest[] {
  const { nats } = installation;
  const toNats = waysToNats(nats);
  const others = openPorts.flatMap((name) => (name === "coordinator" ? [] : [ports[name]]));
  const toAgents = way([ports.agent], agentLabels);
  const toCoordinators = way([ports.coordinator], coordinators);
  const names: Way = {
    ports: [
      { protocol: "UDP", port: 53 },
      { protocol: "TCP", port: 53 },
    ],
  };
  const policy = (name: string, podSelector: object, from: Way[], to: Way[]): Manifest => ({
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: metadataOf(name, "network", installation),
    spec: {
      podSelector,
      policyTypes: ["Ingress", "Egress"],
      ingress: from.map(({ peers, ports }) => ({ ...(peers && { from: peers }), ports })),
      egress: to.map(({ peers, ports }) => ({ ...(peers && { to: peers }), ports })),
    },
  });
  return [
    policy("names-only", {}, [], [names]),
    policy(
      coordinatorName,
      { matchLabels: coordinators },
      [way([ports.coordinator], agentLabels, coordinators, clientLabels), way(others)],
      [toAgents, toCoordinators, ...toNats],
    ),
    policy(
      "agents",
      { matchLabels: agentLabels },
      [way([ports.agent], agentLabels, coordinators, clientLabels)],
      [toAgents, toCoordinators, ...toNats],
    ),
    policy(
      "clients",
      { matchLabels: clientLabels },
      [],
      [toAgents, toCoordinators, way(others, coordinators), ...toNats],
    ),
    ...(nats.type === "own"
      ? [
          policy(
            "nats",
            { matchLabels: natsServers },
            [way([ports.nats], coordinators, agentLabels, clientLabels)],
            [],
          ),
        ]
      : []),
  ];
}

/** Somebody else's stands wherever it stands. */
function waysToNats(nats: Installation["nats"]): Way[] {
  if (nats.type === "none") return [];
  return [nats.type === "own" ? way([ports.nats], natsServers) : way(nats.ports)];
}

/** By TCP; without peers: everybody. */
function way(numbers: readonly number[], ...peers: readonly Labels[]): Way {
  return {
    ports: numbers.map((port) => ({ protocol: "TCP", port })),
    ...(peers.length === 0
      ? {}
      : { peers: peers.map((matchLabels) => ({ podSelector: { matchLabels } })) }),
  };
}
