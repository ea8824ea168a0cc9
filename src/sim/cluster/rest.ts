import { createDeployment } from "../../cluster/deployment.ts";
import type { Machine } from "../network/machine.ts";
import type { Socket } from "../network/socket.ts";
import type { History } from "./history.ts";
import { type Hosts, isSamePlacement } from "./hosts.ts";
import { visitor } from "./schedule.ts";
import type { Setting } from "./setting.ts";

/** What is not as it must be some time after the last fault, with nothing to do. */
export function findUnrest(hosts: Hosts, setting: Setting, history: History): readonly string[] {
  const { coordinator } = hosts;
  if (coordinator === null) return ["there is no coordinator"];
  const status = coordinator.status();
  if (status.phase !== "serving") return [`the cluster is ${status.phase}: ${status.why}`];
  const devices = status.devices.flatMap(({ device, state, why, requests, heldBytes }) => {
    if (state === "away") return [`${device} is no member although it runs: ${why ?? "unknown"}`];
    const lost = history.lostBy(device);
    return [
      ...(requests > 0 ? [`${device} holds ${requests} requests after all have ended`] : []),
      ...(heldBytes > 0
        ? [`${device} holds ${heldBytes} bytes after all requests have ended`]
        : []),
      ...(state === "idle" && why === null ? [`${device} is idle, and nobody says why`] : []),
      ...(lost.length > 0 ? [`${device} has lost ${lost.join(", ")} for good`] : []),
    ];
  });
  const links = status.links
    .filter(({ state }) => state === "down")
    .map(({ from, to }) => `the link from ${from} to ${to} is still thought to be down`);
  const generations = status.generations
    .filter(({ state }) => state !== "serving" && state !== "standby")
    .map(({ generation, state }) => `generation ${generation} is still ${state}`);
  const found = [...devices, ...links, ...generations];
  if (found.length > 0) return found;
  return findNeglect(hosts, setting);
}

/** Whether whoever steers uses what there is; with little memory no plan may find room beside another. */
function findNeglect(
  { coordinator }: Hosts,
  { plan, followsWorld, memoryBytes }: Setting,
): readonly string[] {
  const serving = coordinator?.serving ?? null;
  if (coordinator === null || serving === null) return [];
  if (!followsWorld || memoryBytes !== null) return [];
  const best = plan(coordinator.world);
  if ("infeasible" in best || isSamePlacement(best, serving)) return [];
  return ["what serves is not the plan for what there is"];
}

/**
 * Each device has a channel to the coordinator, and one for each thing that what serves needs. One
 * that was lost and stands again may stay until there is another plan.
 */
export function findStrays(
  { coordinator, machines }: Hosts,
  setting: Setting,
  history: History,
): readonly string[] {
  const serving = coordinator?.serving ?? null;
  if (serving === null) return [];
  const lines = linesOf(serving, setting);
  return [...machines].flatMap(([host, machine]) => {
    if (host === visitor) return [];
    const here = [...machine.sockets].map((socket) => nameOf(socket, host));
    const needed = ["join", ...(lines.get(host) ?? [])];
    const isCoordinator = host === "coordinator";
    const mayBe = (name: string) =>
      name === "open" ||
      (isCoordinator
        ? isForCoordinator(name)
        : needed.includes(name) || history.hasReached(host, name.split(" ")[1] ?? ""));
    const stray = here.filter((name, at) => !mayBe(name) || (!isCoordinator && isTwice(here, at)));
    const missing = isCoordinator ? [] : needed.filter((name) => !here.includes(name));
    return [
      ...stray.map((name) => `${host} has a channel that nobody needs: ${name}`),
      ...missing.map((name) => `${host} lacks a channel: ${name}`),
    ];
  });
}

function isTwice(names: readonly string[], at: number): boolean {
  const name = names[at] ?? "";
  return name !== "open" && names.indexOf(name) < at;
}

function isForCoordinator(name: string): boolean {
  return name === "join" || name.startsWith("tunnel");
}

/** By device: which kinds of channel to whom the plan needs. */
function linesOf(
  plan: Parameters<typeof createDeployment>[0],
  { graph, topology }: Setting,
): ReadonlyMap<string, readonly string[]> {
  const { source, devices } = createDeployment(plan, graph, topology, 1);
  const lines = new Map(topology.devices.map(({ name }) => [name, new Set<string>()]));
  const add = (kind: string, one: string, other: string) => {
    lines.get(one)?.add(`${kind} ${other}`);
    lines.get(other)?.add(`${kind} ${one}`);
  };
  for (const { device, forwards } of devices) {
    if (device !== source) add("gateway", device, source);
    for (const { to } of forwards) add("hop", device, to);
  }
  return new Map([...lines].map(([device, kinds]) => [device, [...kinds]]));
}

/** What still runs after everything was told to end. */
export function findRestlessness({ machines }: Hosts): readonly string[] {
  return [...machines].flatMap(([host, machine]) => {
    if (host === visitor) return [];
    const left = leftOf(host, machine);
    return left.length === 0 ? [] : [`${host} still has ${left.join(" and ")} after its end`];
  });
}

function leftOf(host: string, { clock, sockets, listeners }: Machine): readonly string[] {
  return [
    ...(clock.sleepers === 0 ? [] : [`${clock.sleepers} timers`]),
    ...[...sockets].map((socket) => `a channel to ${socket.peer} (${nameOf(socket, host)})`),
    ...(listeners.size === 0 ? [] : [`${listeners.size} listeners`]),
  ];
}

/** What a channel is for, as its host sees it. */
function nameOf({ opening }: Socket, host: string): string {
  const { type, kind, device, to } = opening ?? { type: "nothing" };
  const isLine = host !== "coordinator" && (type === "attach" || type === "tunnel");
  if (isLine) return `${kind} ${device === host ? to : device}`;
  return type === "tunnel" ? `tunnel ${kind} ${device} ${to}` : type;
}
