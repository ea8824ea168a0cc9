/**
 * The commands of the test bed, as data: what is run with which arguments. No effect happens here.
 *
 * @module
 */

/** Everything that a test bed makes has a name that begins so; whatever does is removed with it. */
export const prefix = "partita-tb";

export const fabric: string = `${prefix}-fabric`;

export type Command = readonly [program: string, ...words: string[]];

/** In one direction: everything that a device sends or gets, or what one device sends to another. */
export type Channel =
  | { readonly device: string; readonly direction: "up" | "down" }
  | { readonly from: string; readonly to: string };

/** Devices by name, in order; the first has address 10.77.0.1. */
export type Devices = readonly string[];

export const namespaceOf = (device: string): string => `${prefix}-d-${device}`;

/** @throws a plain error for a name that is no device of this test bed */
export function addressOf(devices: Devices, device: string): string {
  return `10.77.0.${positionOf(devices, device) + 1}`;
}

function positionOf(devices: Devices, device: string): number {
  const position = devices.indexOf(device);
  if (position >= 0) return position;
  throw new Error(`the test bed has no device '${device}' (devices: ${devices.join(", ")})`);
}

/** Names of at most 40 letters, digits and dashes, of at most 200 devices. */
export function checkDevices(devices: Devices): void {
  const odd = devices.find((name) => !/^[a-z0-9][a-z0-9-]{0,39}$/.test(name));
  if (odd !== undefined) throw new Error(`'${odd}' cannot be the name of a namespace`);
  if (new Set(devices).size !== devices.length) throw new Error("two devices have one name");
  if (devices.length > 200) throw new Error(`${devices.length} devices; the bridge takes 200`);
}

/** Namespaces, a bridge in one of their own, and a pair of interfaces for each device. */
export function upCommands(devices: Devices): Command[] {
  checkDevices(devices);
  const inFabric = (...words: string[]): Command => ["ip", "-n", fabric, ...words];
  return [
    ["ip", "netns", "add", fabric],
    inFabric("link", "set", "lo", "up"),
    inFabric("link", "add", "br0", "type", "bridge", "stp_state", "0", "forward_delay", "0"),
    inFabric("link", "set", "br0", "up"),
    ...devices.flatMap((device): Command[] => {
      const own = namespaceOf(device);
      const port = portOf(devices, device);
      const address = addressOf(devices, device);
      const inside = (...words: string[]): Command => ["ip", "-n", own, ...words];
      return [
        ["ip", "netns", "add", own],
        inside("link", "set", "lo", "up"),
        // Straight into the two namespaces: nothing is left behind in that of the host.
        [
          ...["ip", "link", "add", "eth0", "netns", own, "type", "veth"],
          ...["peer", "name", port, "netns", fabric],
        ] as unknown as Command,
        inside("addr", "add", `${address}/24`, "dev", "eth0"),
        inside("link", "set", "eth0", "txqueuelen", "1000", "up"),
        inFabric("link", "set", port, "master", "br0", "up"),
        // A host's bbr is slower on token buckets, and the setting of a namespace cannot be changed.
        inside(
          ...["route", "replace", "10.77.0.0/24", "dev", "eth0", "proto", "kernel"],
          ...["scope", "link", "src", address, "congctl", "cubic"],
        ),
        inside("route", "add", "224.0.0.0/4", "dev", "eth0"),
      ];
    }),
  ];
}

function portOf(devices: Devices, device: string): string {
  return `p${positionOf(devices, device) + 1}`;
}

/** TCP over Ethernet carries 1448 bytes of 1514: so much more has to be set than is to be had. */
const overhead = 1514 / 1448;

/** Lines for `tc -batch`, and the namespace in which to run them. */
export interface Batch {
  readonly namespace: string;
  readonly lines: readonly string[];
}

/**
 * What changes a channel's rate, live. The bucket never changes its size: a smaller one with larger
 * packets in the queue stands still for ever. The queue is limited in bytes, not in time: else a lower
 * rate would drop it.
 *
 * @param bitsPerSecond that TCP is to carry; `null`: as fast as the machine
 */
export function rateBatch(devices: Devices, channel: Channel, bitsPerSecond: number | null): Batch {
  if ("from" in channel) return linkBatch(devices, channel, bitsPerSecond);
  const isUp = channel.direction === "up";
  const namespace = isUp ? namespaceOf(channel.device) : fabric;
  const interfaceName = isUp ? "eth0" : portOf(devices, channel.device);
  const lines =
    bitsPerSecond === null
      ? [`qdisc del dev ${interfaceName} root`]
      : [
          `qdisc replace dev ${interfaceName} root handle 1: tbf rate ${setRate(bitsPerSecond)}bit burst 2000 limit 300000`,
        ];
  return { namespace, lines };
}

/** What a device must have before its links get rates of their own: a class for each peer. */
export function linkSetup(devices: Devices, from: string): Batch {
  const peers = devices.filter((device) => device !== from);
  return {
    namespace: namespaceOf(from),
    lines: [
      "qdisc add dev eth0 root handle 1: htb default 999",
      `class add dev eth0 parent 1: classid 1:999 ${htb(10e9)}`,
      ...peers.flatMap((to) => {
        const id = `1:${classOf(devices, to)}`;
        return [
          `class add dev eth0 parent 1: classid ${id} ${htb(10e9)}`,
          `qdisc add dev eth0 parent ${id} bfifo limit 300000`,
          `filter add dev eth0 parent 1: protocol ip prio 1 u32 match ip dst ${addressOf(devices, to)}/32 flowid ${id}`,
        ];
      }),
    ],
  };
}

function linkBatch(
  devices: Devices,
  { from, to }: { readonly from: string; readonly to: string },
  bitsPerSecond: number | null,
): Batch {
  const id = `1:${classOf(devices, to)}`;
  const rate = bitsPerSecond === null ? 10e9 : setRate(bitsPerSecond);
  return {
    namespace: namespaceOf(from),
    lines: [`class change dev eth0 parent 1: classid ${id} ${htb(rate)}`],
  };
}

/** Class numbers are hexadecimal. */
function classOf(devices: Devices, device: string): string {
  return (positionOf(devices, device) + 1).toString(16);
}

function htb(rate: number): string {
  return `htb rate ${rate}bit ceil ${rate}bit burst 16000 cburst 16000`;
}

function setRate(bitsPerSecond: number): number {
  return Math.max(8000, Math.round(bitsPerSecond * overhead));
}

/**
 * What makes one device's packets to another vanish, or arrive again: to an address that no card has.
 * Nobody gets an error, as when a cable is cut.
 */
export function cutCommand(devices: Devices, from: string, to: string, isCut: boolean): Command {
  const base = ["ip", "-n", namespaceOf(from), "neigh"] as const;
  const peer = addressOf(devices, to);
  if (!isCut) return [...base, "del", peer, "dev", "eth0"];
  const nobody = "02:00:00:00:00:01";
  return [...base, "replace", peer, "lladdr", nobody, "nud", "permanent", "dev", "eth0"];
}

/** A part of one core, as files to be written; `version` as the host mounts control groups. */
export function quotaFiles(
  version: 1 | 2,
  device: string,
  percent: number | null,
): readonly { readonly path: string; readonly text: string }[] {
  const folder = groupOf(version, device);
  // Shorter periods have more jitter than they are worth, longer ones stop a stage for as long.
  const period = 20_000;
  const quota = percent === null ? null : Math.max(1000, Math.round((period * percent) / 100));
  if (version === 2) {
    return [{ path: `${folder}/cpu.max`, text: `${quota ?? "max"} ${period}` }];
  }
  return [
    { path: `${folder}/cpu.cfs_quota_us`, text: "-1" },
    { path: `${folder}/cpu.cfs_period_us`, text: String(period) },
    ...(quota === null ? [] : [{ path: `${folder}/cpu.cfs_quota_us`, text: String(quota) }]),
  ];
}

/** A limit of the memory of all processes of a device together, without a way out to a swap area. */
export function memoryFiles(
  version: 1 | 2,
  device: string,
  bytes: number | null,
): readonly { readonly path: string; readonly text: string }[] {
  const folder = groupOf(version, device, "memory");
  return version === 2
    ? [
        { path: `${folder}/memory.swap.max`, text: "0" },
        { path: `${folder}/memory.max`, text: `${bytes ?? "max"}` },
      ]
    : [
        { path: `${folder}/memory.swappiness`, text: "0" },
        { path: `${folder}/memory.limit_in_bytes`, text: `${bytes ?? -1}` },
      ];
}

/** What a group has taken at most, and how many of its processes the kernel has killed for it. */
export function memoryRecords(
  version: 1 | 2,
  device: string,
): { readonly peak: string; readonly kills: string } {
  const folder = groupOf(version, device, "memory");
  return version === 2
    ? { peak: `${folder}/memory.peak`, kills: `${folder}/memory.events` }
    : { peak: `${folder}/memory.max_usage_in_bytes`, kills: `${folder}/memory.oom_control` };
}

/** What groups of version 1 limit apart from one another; version 2 has one group for all. */
export type Controller = "cpu" | "memory";
export const controllers: readonly Controller[] = ["cpu", "memory"];

/** Where the control group of a device is. */
export function groupOf(version: 1 | 2, device: string, controller: Controller = "cpu"): string {
  return `${groupRoot(version, controller)}/${prefix}-${device}`;
}

export function groupRoot(version: 1 | 2, controller: Controller = "cpu"): string {
  return version === 1 ? `/sys/fs/cgroup/${controller}` : "/sys/fs/cgroup";
}

/** Runs a command on a device: in its groups, if it has some, and in its namespace. */
export function execCommand(
  device: string,
  command: Command,
  groups: readonly string[] = [],
): Command {
  const inside = ["nsenter", `--net=/run/netns/${namespaceOf(device)}`, ...command];
  if (groups.length === 0) return inside as unknown as Command;
  const joins = groups.map((group) => `echo $$ > '${group}/cgroup.procs' && `).join("");
  return ["sh", "-c", `${joins}exec "$@"`, "sh", ...inside];
}

/** A trace's rows as batches: at which second, what. */
export function traceBatches(
  devices: Devices,
  trace: readonly { readonly seconds: number; readonly bitsPerSecond: number }[],
  channels: readonly Channel[],
): { readonly seconds: number; readonly batches: readonly Batch[] }[] {
  return trace.map(({ seconds, bitsPerSecond }) => ({
    seconds,
    batches: channels.map((channel) => rateBatch(devices, channel, bitsPerSecond)),
  }));
}
