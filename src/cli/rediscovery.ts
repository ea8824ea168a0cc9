import type { Transport } from "../transport/transport.ts";

/**
 * A transport for whoever has found a coordinator by asking for it, and knows it by the address that
 * it had then. When it cannot be dialled it is asked for again, in the background: the next attempt
 * goes to where it is by then.
 *
 * @param known what it is known by; other addresses are dialled as they are
 * @param find where it is now; if it rejects, it is asked again after the next failure
 */
export function withRediscovery(
  transport: Transport,
  known: string,
  find: () => Promise<string>,
): Transport {
  let current = known;
  let isAsking = false;
  const ask = async (): Promise<void> => {
    if (isAsking) return;
    isAsking = true;
    try {
      current = await find();
    } catch {
      // Nobody answers: it is still where it was, as far as anybody knows.
    }
    isAsking = false;
  };
  return {
    name: transport.name,
    listen: (address, limits) => transport.listen(address, limits),
    connect: async (address, options) => {
      if (address !== known) return await transport.connect(address, options);
      try {
        return await transport.connect(current, options);
      } catch (error) {
        void ask();
        throw error;
      }
    },
  };
}
