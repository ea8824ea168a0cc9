/**
 * Models that are at rest have to do with less: a device is lost for as long as it takes, and meanwhile
 * one of the models is unloaded, loaded again, and unloaded for good. Each uses what there is, and
 * nothing is left of the one that goes.
 *
 * @module
 */
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
  readonly waitFor: (isThere: () => Promise<boolean>) => Promise<void>;
  readonly complain: (violation: string) => void;
}

export async function doWithLess(options: LessOptions): Promise<void> {
  const { hosts, leaving, seed, waitFor, complain } = options;
  const { coordinator, tenants } = hosts;
  const { topology, names } = leaving.setting;
  const spare = names.filter((name) => name !== topology.source && name !== topology.sink);
  const lost = spare[seed % spare.length] as string;
  const others = tenants.filter((other) => other !== leaving);
  const until = async (find: () => readonly string[] | Promise<readonly string[]>) => {
    await waitFor(async () => (await find()).length === 0);
    for (const violation of await find()) complain(violation);
  };
  const unload = async () => {
    const before = others.map(serviceOf);
    coordinator.unload(leaving);
    await until(async () => [
      ...findRemains(hosts, leaving),
      ...(await findIdleness(hosts, others, lost)),
    ]);
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

/** Which models do not serve without a device although there is a plan for what is left. */
async function findIdleness(
  { coordinator: host }: Hosts,
  tenants: readonly Tenant[],
  lost: string,
): Promise<readonly string[]> {
  const found = tenants.map(async (tenant) => {
    const { coordinator, key } = tenant;
    const { world, serving = null, isSwitching = false } = coordinator ?? {};
    if (world?.devices.some(({ name }) => name === lost)) return [`${key} does not miss ${lost}`];
    if (isSwitching && serving !== null) return [`${key} goes over to other plans for long`];
    if (serving !== null || "infeasible" in (await host.planOf(tenant))) return [];
    return [`${key} does not serve without ${lost}, although there is a plan`];
  });
  return (await Promise.all(found)).flat();
}
