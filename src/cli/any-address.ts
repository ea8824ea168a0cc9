import type { Clock } from "../base/clock.ts";
import { raceAddresses } from "../cluster/dialler.ts";
import { checkCoordinator } from "../cluster/identity.ts";
import type { Transport } from "../transport/transport.ts";
import { addressesIn } from "./addresses.ts";

/**
 * A transport that takes several addresses of one coordinator, separated by commas, and keeps the
 * channel to the nearest that answers.
 */
export function withAnyAddress(transport: Transport, clock: Clock): Transport {
  return {
    name: transport.name,
    listen: (address, limits) => transport.listen(address, limits),
    connect: async (address, options = {}) => {
      const addresses = addressesIn(address);
      if (addresses.length === 1) return await transport.connect(address, options);
      const { signal = new AbortController().signal } = options;
      const race = { transport, clock, addresses, signal, check: checkCoordinator };
      const { channel } = await raceAddresses(race);
      if (options.limits !== undefined) channel.setLimits(options.limits);
      return channel;
    },
  };
}
