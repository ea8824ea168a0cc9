/**
 * Models that are at rest have to do with less: a device is lost for as long as it takes, and meanwhile
 * one of the models is unloaded, loaded again, and unloaded for good. Each uses what there is, and
 * nothing is left of the one that goes.
 *
 * @module
 */
import { withoutBytes } from "../../cluster/sharing.ts";
import type { Hosts } from "./hosts.ts";
import { findRemains, findUnrest } from "./rest.ts";
import type { Tenant } from "./tenant.ts";

export interface LessOptions {
  readonly hosts: Hosts;
  /** Goes for good. */
  readonly leaving: Tenant;
  /** Says which device is lost. */
  readonly seed: number;
  /** Lets time pass until something is there, or should have been for long. */
  readonly waitFor: (isThere: () => boolean) => Promise<void>;
  readonly complain: (violation: string) => void;
}

export async function doWithLess(options: LessOptions): Promise<void> {
  const { hosts, leaving, seed, waitFor, complain } = options;
  const { coordinator, tenants } = hosts;
  const { topology, names } = leaving.setting;
  const spare = names.filter((name) => name !== topology.source && name !== topology.sink);
  const lost = spare[seed % spare.length] as string;
  const others = tenants.filter((other) => other !== leaving);
  const until = async (find: () => readonly string[]) => {
    await waitFor(() => find().length === 0);
    for (const violation of find()) complain(violation);
  };
  const unload = async () => {
    const before = others.map(serviceOf);
    coordinator.unload(leaving);
    await until(() => [...findRemains(hosts, leaving), ...findIdleness(hosts, others, lost)]);
    for (const [at, other] of others.entries()) {
      if (before[at] === null || before[at] === serviceOf(other)) continue;
      complain(`${other.key} is planned anew because ${leaving.key} was unloaded`);
    }
  };

  hosts.crash(lost, "killed", false);
  await until(() => findIdleness(hosts, tenants, lost));
  await unload();
  coordinator.load(leaving);
  await until(() => findIdleness(hosts, tenants, lost));
  await unload();
  hosts.start(lost);
  await until(() => [...findRemains(hosts, leaving), ...findUnrest(hosts)]);
}

/** By how many generations a model came to what serves; `null`: nothing does. */
function serviceOf({ coordinator, history }: Tenant): number | null {
  return coordinator === null || coordinator.serving === null ? null : history.generations;
}

/** Which models do not serve without a device although there is a place for them. */
function findIdleness(
  { tenants: all }: Hosts,
  tenants: readonly Tenant[],
  lost: string,
): readonly string[] {
  return tenants.flatMap((tenant) => {
    const { key } = tenant;
    const { world, serving = null, isSwitching = false } = tenant.coordinator ?? {};
    if (world?.devices.some(({ name }) => name === lost)) return [`${key} does not miss ${lost}`];
    if (serving !== null) return isSwitching ? [`${key} goes over to other plans for long`] : [];
    const others = all.filter((other) => other !== tenant);
    if (!hasPlace(tenant, others, lost)) return [];
    return [`${key} does not serve without ${lost}, although there is room beside those that do`];
  });
}

function hasPlace({ setting }: Tenant, others: readonly Tenant[], lost: string): boolean {
  const { topology, plan } = setting;
  const serving = others.flatMap(({ coordinator }) => coordinator?.serving ?? []);
  const left = {
    ...topology,
    devices: topology.devices.filter(({ name }) => name !== lost),
    links: topology.links.filter(({ from, to }) => from !== lost && to !== lost),
  };
  const taken = (device: string) =>
    serving.reduce((sum, { claimed }) => sum + (claimed.memoryBytes[device] ?? 0), 0);
  return !("infeasible" in plan(withoutBytes(left, taken)));
}
