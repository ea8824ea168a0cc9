import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "../base/clock.node.ts";
import { formatQuantity } from "../base/units.ts";
import { type GatheredLink, gather } from "../cluster/gathering.ts";
import { readTopology } from "../cost/topology-file.ts";
import { parseAddress } from "../transport/tcp-listener.node.ts";
import { usage } from "./command.ts";
import { writeWhole } from "./files.ts";
import { writeMeasuredTopology } from "./measured-topology.ts";
import type { Ground } from "./service.ts";
import { runStandardBenchmark } from "./standard-benchmark.ts";

/** A topology's file, and whether it was there before. */
export interface GatheredTopology {
  readonly path: string;
  readonly isNew: boolean;
}

/** Devices as they are written: `camera,gateway,cloud`. @throws USAGE_INVALID */
export function readDevices(written: string): readonly string[] {
  const devices = written.split(",").map((name) => name.trim());
  if (devices.every((name) => name !== "") && new Set(devices).size === devices.length) {
    return devices;
  }
  throw usage(`--devices wants names, each once, separated by commas, not "${written}"`);
}

/** The topology in a folder of state that was measured for these devices before; `null`: none was. */
export async function findGathered(
  folder: string,
  devices: readonly string[],
): Promise<GatheredTopology | null> {
  const path = pathIn(folder);
  const text = await readFile(path, "utf8").catch(() => null);
  if (text === null) return null;
  const names = readTopology(text, path).devices.map(({ name }) => name);
  return names.join() === devices.join() ? { path, isNew: false } : null;
}

/**
 * Waits for the agents of all devices, has them measure the links between them, and writes that as a
 * topology into the folder of state. The first device is the source.
 *
 * @throws USAGE_INVALID without a port, since agents dial it again; PORT_IN_USE, TOPOLOGY_INVALID,
 * CHANNEL_CLOSED if it is interrupted
 */
export async function gatherTopology(
  { listen, folder, security, terminal }: Ground,
  devices: readonly string[],
  signal: AbortSignal,
): Promise<GatheredTopology> {
  if (parseAddress(listen).port === 0) {
    throw usage(`with --devices, --listen needs a port of its own, not ${listen}`);
  }
  const gathered = await gather({
    transport: security.transport,
    clock: systemClock,
    listen,
    token: security.secret,
    devices,
    authority: security.authority,
    onJoined: (device) => terminal.note(`  ${device} is here`),
    onMeasured: (link) => terminal.note(`  ${describe(link)}`),
    signal,
  });
  const path = pathIn(folder);
  const text = writeMeasuredTopology(gathered, {
    benchmarkSeconds: await runStandardBenchmark(),
    measuredAt: new Date().toISOString(),
  });
  await writeWhole(path, text, terminal);
  return { path, isNew: true };
}

function pathIn(folder: string): string {
  return join(folder, "measured.topology.yaml");
}

function describe({ from, to, link, why }: GatheredLink): string {
  if (link === null) return `${from} → ${to}: no way (${why ?? "nothing came through"})`;
  const { goodputBitsPerSecond, roundTripSeconds, tunnelled } = link;
  const goodput =
    goodputBitsPerSecond === null ? "" : `${formatQuantity(goodputBitsPerSecond, "bit/s")}, `;
  const how = tunnelled ? ", through the coordinator" : "";
  return `${from} → ${to}: ${goodput}round trip ${formatQuantity(roundTripSeconds, "s")}${how}`;
}
