import { CodedError } from "../base/errors.ts";
import { formatQuantity } from "../base/units.ts";
import type { Topology } from "./topology.ts";

/**
 * Refuses a topology that contradicts itself. A device that no path joins to the source is refused
 * too: it can never take part, so that it is a slip of whoever wrote the file.
 *
 * @param file its name, for messages
 * @throws TOPOLOGY_INVALID
 */
export function checkTopology(topology: Topology, file: string): void {
  const names = new Set<string>();
  for (const { name } of topology.devices) {
    if (names.has(name)) throw invalid(`${file}: two devices are named '${name}'`);
    names.add(name);
  }
  const known = (name: string, user: string): void => {
    if (names.has(name)) return;
    throw invalid(
      `${file}: ${user} names device '${name}', which is not listed (devices: ${[...names].join(", ")})`,
    );
  };
  known(topology.source, "source");
  if (topology.sink !== "anywhere") known(topology.sink, "sink");
  checkRelays(topology, file);
  checkLinks(topology, file, known);
  checkPower(topology, file);
  checkConnected(topology, file);
}

function checkRelays({ devices, source, sink }: Topology, file: string): void {
  const relays = devices.filter(({ relay }) => relay !== undefined).map(({ name }) => name);
  if (relays.length > 1) {
    const names = relays.map((name) => `'${name}'`).join(", ");
    throw invalid(`${file}: ${names} are relays of the coordinator, which has one machine`);
  }
  const end = relays.find((name) => name === source || name === sink);
  if (end === undefined) return;
  throw invalid(`${file}: device '${end}' only relays; it can be neither source nor sink`);
}

function checkLinks(
  topology: Topology,
  file: string,
  known: (name: string, user: string) => void,
): void {
  const seen = new Set<string>();
  for (const { from, to, bandwidthBitsPerSecond, latencySeconds } of topology.links) {
    const link = `the link ${from} → ${to}`;
    known(from, link);
    known(to, link);
    if (from === to) throw invalid(`${file}: ${link} joins a device to itself`);
    const key = JSON.stringify([from, to]);
    if (seen.has(key)) throw invalid(`${file}: ${link} is listed twice`);
    seen.add(key);
    if (!(bandwidthBitsPerSecond > 0)) {
      throw invalid(
        `${file}: ${link} has a bandwidth of ${formatQuantity(bandwidthBitsPerSecond, "bit/s")}; it must be above 0`,
      );
    }
    if (!(latencySeconds >= 0)) {
      throw invalid(
        `${file}: ${link} has a latency of ${formatQuantity(latencySeconds, "s")}; it must not be negative`,
      );
    }
  }
}

function checkPower(topology: Topology, file: string): void {
  for (const { name, busyWatts, idleWatts, memoryBytes } of topology.devices) {
    if (!(idleWatts >= 0 && busyWatts >= idleWatts)) {
      throw invalid(
        `${file}: device '${name}' needs ${busyWatts} W busy and ${idleWatts} W idle; busy must not be below idle, nor idle below 0`,
      );
    }
    if (memoryBytes !== null && !(memoryBytes > 0)) {
      throw invalid(
        `${file}: device '${name}' has a memory of ${memoryBytes} B; it must be above 0`,
      );
    }
  }
}

function checkConnected(topology: Topology, file: string): void {
  const reached = new Set([topology.source]);
  for (const device of reached) {
    for (const { from, to } of topology.links) {
      if (from === device) reached.add(to);
    }
  }
  const lost = topology.devices.find(({ name }) => !reached.has(name));
  if (lost === undefined) return;
  throw invalid(
    `${file}: device '${lost.name}' is disconnected: no path of links leads to it from the source '${topology.source}'`,
  );
}

function invalid(message: string): CodedError {
  return new CodedError("TOPOLOGY_INVALID", message);
}
