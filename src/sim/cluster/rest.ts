import { createDeployment } from "../../cluster/deployment.ts";
import type { ModelKey } from "../../cluster/shared-listener.ts";
import type { Plan } from "../../plan/plan.ts";
import type { Machine } from "../network/machine.ts";
import type { Socket } from "../network/socket.ts";
import type { Hosts } from "./hosts.ts";
import { findOverbooking } from "./overbooking.ts";
import { visitor } from "./schedule.ts";
import type { Setting } from "./setting.ts";
import { isSamePlacement, type Tenant } from "./tenant.ts";

/** What is not as it must be some time after the last fault, with nothing to do. */
export function findUnrest({ tenants }: Hosts): readonly string[] {
  const wanted = tenants.filter(({ isWanted }) => isWanted);
  const found = wanted.flatMap((tenant) =>
    findUnrestOf(tenant).map((what) => `${prefixOf(tenant.key)}${what}`),
  );
  return [...found, ...findOverbooking(wanted)];
}

function findUnrestOf(tenant: Tenant): readonly string[] {
  const { coordinator, history } = tenant;
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
  return findNeglect(tenant);
}

/** Whether whoever steers uses what there is; with little memory no plan may find room beside another. */
function findNeglect({ coordinator, setting }: Tenant): readonly string[] {
  const { plan, followsWorld, memoryBytes } = setting;
  const serving = coordinator?.serving ?? null;
  if (coordinator === null || serving === null) return [];
  if (!followsWorld || memoryBytes !== null) return [];
  const best = plan(coordinator.world);
  if ("infeasible" in best || isSamePlacement(best, serving)) return [];
  return ["what serves is not the plan for what there is"];
}

/**
 * Each device has a channel to the coordinator for each model, and one for each thing that what serves
 * needs. One that was lost and stands again may stay until there is another plan.
 */
export function findStrays({ machines, tenants }: Hosts): readonly string[] {
  const serving = tenants.filter(({ coordinator }) => (coordinator?.serving ?? null) !== null);
  if (serving.length < tenants.length) return [];
  const needed = new Map(serving.map((tenant) => [tenant, linesOf(tenant)]));
  return [...machines].flatMap(([host, machine]) => {
    if (host === visitor) return [];
    const here = [...machine.sockets].map((socket) => purposeOf(socket, host));
    const lines = here.filter(({ name }) => name !== "follow");
    const foreign = lines.filter(({ model }) => serving.every(({ key }) => key !== model));
    return [
      ...findFollowing(host, here.length - lines.length, serving),
      ...foreign.map(({ name, model }) => strayOf(host, name, model)),
      ...serving.flatMap((tenant) => {
        const own = lines.filter(({ model }) => model === tenant.key).map(({ name }) => name);
        return findStraysOf(tenant, host, own, needed.get(tenant)?.get(host) ?? []);
      }),
    ];
  });
}

/** Where there are several models, each device asks once which there are. */
function findFollowing(host: string, count: number, tenants: readonly Tenant[]): string[] {
  if (host === "coordinator") return [];
  const expected = tenants.every(({ key }) => key === null) ? 0 : 1;
  return count === expected ? [] : [`${host} follows the models over ${count} channels`];
}

/**
 * @param here what the model's channels on a host are for
 * @param lines what its plan needs there
 */
function findStraysOf(
  { history, key }: Tenant,
  host: string,
  here: readonly string[],
  lines: readonly string[],
): readonly string[] {
  const needed = ["join", ...lines];
  const isCoordinator = host === "coordinator";
  const mayBe = (name: string) =>
    name === "open" ||
    (isCoordinator
      ? isForCoordinator(name)
      : needed.includes(name) || history.hasReached(host, name.split(" ")[1] ?? ""));
  const stray = here.filter((name, at) => !mayBe(name) || (!isCoordinator && isTwice(here, at)));
  const missing = isCoordinator ? [] : needed.filter((name) => !here.includes(name));
  return [
    ...stray.map((name) => strayOf(host, name, key)),
    ...missing.map((name) => `${prefixOf(key)}${host} lacks a channel: ${name}`),
  ];
}

function strayOf(host: string, name: string, model: ModelKey): string {
  return `${prefixOf(model)}${host} has a channel that nobody needs: ${name}`;
}

function prefixOf(model: ModelKey): string {
  return model === null ? "" : `${model}: `;
}

function isTwice(names: readonly string[], at: number): boolean {
  const name = names[at] ?? "";
  return name !== "open" && names.indexOf(name) < at;
}

function isForCoordinator(name: string): boolean {
  return name === "join" || name.startsWith("tunnel");
}

type Lines = ReadonlyMap<string, readonly string[]>;

/** Of plans: they are looked at again and again. */
const knownLines = new WeakMap<Plan, Lines>();

/** By device: which kinds of channel to whom the plan that serves needs. */
function linesOf({ coordinator, setting }: Tenant): Lines {
  const plan = coordinator?.serving ?? null;
  if (plan === null) return new Map();
  const lines = knownLines.get(plan) ?? linesOfPlan(plan, setting);
  knownLines.set(plan, lines);
  return lines;
}

function linesOfPlan(plan: Plan, { profile, topology }: Setting): Lines {
  const { source, devices } = createDeployment(plan, profile.graph, topology, 1);
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

/** What hosts still have of a model that was unloaded. */
export function findRemains({ machines, sessions }: Hosts, { key, setting }: Tenant): string[] {
  const { name } = setting.profile.graph;
  const channels = [...machines].flatMap(([host, machine]) =>
    [...machine.sockets]
      .map((socket) => purposeOf(socket, host))
      .filter(({ model }) => model === key)
      .map((purpose) => `${host} still has a channel of ${key}: ${purpose.name}`),
  );
  const loaded = [...sessions].flatMap(([device, { counts }]) => {
    const count = counts.get(name) ?? 0;
    return count === 0 ? [] : [`${device} still has ${count} parts of ${key} loaded`];
  });
  return [...channels, ...loaded];
}

/** What still runs after everything was told to end. */
export function findRestlessness({ machines, sessions }: Hosts): readonly string[] {
  return [...machines].flatMap(([host, machine]) => {
    if (host === visitor) return [];
    const parts = [...(sessions.get(host)?.counts.values() ?? [])];
    const left = [...leftOf(host, machine), ...parts.map((count) => `${count} loaded parts`)];
    return left.length === 0 ? [] : [`${host} still has ${left.join(" and ")} after its end`];
  });
}

function leftOf(host: string, { clock, sockets, listeners }: Machine): readonly string[] {
  return [
    ...(clock.sleepers === 0 ? [] : [`${clock.sleepers} timers`]),
    ...[...sockets].map(
      (socket) => `a channel to ${socket.peer} (${purposeOf(socket, host).name})`,
    ),
    ...(listeners.size === 0 ? [] : [`${listeners.size} listeners`]),
  ];
}

/** What a channel is for, as its host sees it, and of which model. */
function purposeOf(
  { opening }: Socket,
  host: string,
): { readonly name: string; readonly model: ModelKey } {
  const { type, kind, device, to, model } = opening ?? { type: "nothing" };
  const isLine = host !== "coordinator" && (type === "attach" || type === "tunnel");
  const name = isLine
    ? `${kind} ${device === host ? to : device}`
    : type === "tunnel"
      ? `tunnel ${kind} ${device} ${to}`
      : type;
  return { name, model: typeof model === "string" ? model : null };
}
