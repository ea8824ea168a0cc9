import type { Tenant } from "./tenant.ts";

/** Where plans that serve take more of a device together than it has. */
export function findOverbooking(tenants: readonly Tenant[]): readonly string[] {
  const devices = tenants[0]?.setting.topology.devices ?? [];
  const serving = tenants.flatMap(({ coordinator }) => coordinator?.serving ?? []);
  return devices.flatMap(({ name, memoryBytes }) => {
    const taken = serving.reduce((sum, plan) => sum + (plan.claimed.memoryBytes[name] ?? 0), 0);
    if (memoryBytes === null || taken <= memoryBytes) return [];
    return [`plans that serve take ${taken} bytes of ${name}, which has ${memoryBytes}`];
  });
}
