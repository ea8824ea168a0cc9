/**
 * Topologies as people write them: quantities with units or in fields that carry the unit, links
 * between two devices as one entry, everything that may be left out left out.
 *
 * @module
 */
import { z } from "zod";
import { CodedError, messageOf } from "../base/errors.ts";
import { bytes, type Dimension, parseQuantity, type Quantity, seconds } from "../base/units.ts";
import { parseDocument } from "./document.ts";
import type { Device, Link, Topology } from "./topology.ts";
import { checkTopology } from "./topology-check.ts";

/** A quantity as text with its unit; a bare number is refused, with the units that it may have. */
const written = <D extends Dimension>(dimension: D): z.ZodType<Quantity<D>> =>
  z
    .string({ error: ({ input }) => complaint(String(input), dimension) ?? "needs a unit" })
    .meta({ description: `a quantity with its unit, in ${dimension}` })
    .transform((value, context) => {
      const message = complaint(value, dimension);
      if (message === null) return parseQuantity(value, dimension);
      context.addIssue({ code: "custom", message });
      return z.NEVER;
    });

function complaint(text: string, dimension: Dimension): string | null {
  try {
    parseQuantity(text, dimension);
    return null;
  } catch (error) {
    return messageOf(error);
  }
}

/** A bare number, in a field whose name carries the unit. */
const bare = <D extends Dimension>(): z.ZodType<Quantity<D>> =>
  z.number().nonnegative() as unknown as z.ZodType<Quantity<D>>;

const communication = z.enum(["overlapped", "exclusive"]);

const deviceSchema = z.strictObject({
  name: z.string().min(1),
  tier: z.enum(["device", "edge", "cloud"]).default("device"),
  profile: z.string().exactOptional(),
  relay: z
    .literal("coordinator")
    .meta({ description: "the coordinator's machine: it only passes on, and does not join" })
    .exactOptional(),
  speed: z.number().positive().default(1),
  memory: written("B").exactOptional(),
  memoryBytes: bare<"B">().nullable().exactOptional(),
  power: z.strictObject({ busy: written("W"), idle: written("W") }).exactOptional(),
  busyWatts: bare<"W">().exactOptional(),
  idleWatts: bare<"W">().exactOptional(),
  communication: communication.exactOptional(),
  compute: written("FLOP/s").exactOptional(),
  computeFlopPerSecond: bare<"FLOP/s">().exactOptional(),
  storage: written("B").exactOptional(),
  storageBytes: bare<"B">().exactOptional(),
});

const linkSchema = z.strictObject({
  between: z.tuple([z.string(), z.string()]).exactOptional(),
  from: z.string().exactOptional(),
  to: z.string().exactOptional(),
  bandwidth: written("bit/s").exactOptional(),
  bandwidthBitsPerSecond: bare<"bit/s">().exactOptional(),
  latency: written("s").exactOptional(),
  latencySeconds: bare<"s">().exactOptional(),
  energy: written("J/bit").exactOptional(),
  energyJoulesPerBit: bare<"J/bit">().exactOptional(),
  medium: z.string().exactOptional(),
});

const schema = z.strictObject({
  format: z.literal("partita.topology/1"),
  devices: z.array(deviceSchema).min(1),
  links: z.array(linkSchema).default([]),
  source: z.string(),
  sink: z.string().exactOptional(),
  communication: communication.default("overlapped"),
  inputBytes: z.record(z.string(), z.union([written("B"), bare<"B">()])).default({}),
});

/** A topology as written, before units and defaults are resolved; its JSON Schema is published. */
export const topologySchema: z.ZodType = schema;

/**
 * Reads and checks a topology, YAML or JSON.
 *
 * @param file its name, for messages
 * @throws TOPOLOGY_INVALID naming file, line and what was expected
 */
export function readTopology(text: string, file = "topology"): Topology {
  const parsed = parseDocument(text, schema, file, "TOPOLOGY_INVALID");
  const topology: Topology = {
    format: parsed.format,
    devices: parsed.devices.map((device) => toDevice(device, parsed.communication, file)),
    links: parsed.links.flatMap((link, position) => toLinks(link, `${file}: links.${position}`)),
    source: parsed.source,
    sink: parsed.sink ?? parsed.source,
    inputBytes: parsed.inputBytes,
  };
  checkTopology(topology, file);
  return topology;
}

function toDevice(
  written: z.infer<typeof deviceSchema>,
  communication: Device["communication"],
  file: string,
): Device {
  const where = `${file}: device '${written.name}'`;
  const compute = either(written.compute, written.computeFlopPerSecond, "compute", where);
  const storage = either(written.storage, written.storageBytes, "storage", where);
  const busy = either(written.power?.busy, written.busyWatts, "power.busy", where);
  const idle = either(written.power?.idle, written.idleWatts, "power.idle", where);
  return {
    name: written.name,
    tier: written.tier,
    ...profileOf(written, where),
    speed: written.speed,
    memoryBytes: either(written.memory, written.memoryBytes, "memory", where) ?? null,
    busyWatts: busy ?? (0 as Device["busyWatts"]),
    idleWatts: idle ?? (0 as Device["idleWatts"]),
    communication: written.communication ?? communication,
    ...(compute === undefined ? {} : { computeFlopPerSecond: compute }),
    ...(storage === undefined ? {} : { storageBytes: bytes(storage) }),
  };
}

/** A relay computes nothing, whatever else is measured. */
function profileOf(
  { profile, relay }: z.infer<typeof deviceSchema>,
  where: string,
): Pick<Device, "profile" | "relay"> {
  if (relay === undefined) return profile === undefined ? {} : { profile };
  if (profile === undefined || profile === "none") return { profile: "none", relay };
  throw invalid(`${where}: it is a relay and has profile '${profile}'; keep one of the two`);
}

function toLinks(written: z.infer<typeof linkSchema>, where: string): Link[] {
  const { between, from, to } = written;
  const one = from !== undefined && to !== undefined && between === undefined;
  if (!one && (between === undefined || from !== undefined || to !== undefined)) {
    throw invalid(`${where}: a link needs either "between: [A, B]" or "from: A" and "to: B"`);
  }
  const bandwidth = either(written.bandwidth, written.bandwidthBitsPerSecond, "bandwidth", where);
  if (bandwidth === undefined) {
    throw invalid(`${where}: a link needs a bandwidth; write for instance "bandwidth: 20 Mbit/s"`);
  }
  const common = {
    bandwidthBitsPerSecond: bandwidth,
    latencySeconds: either(written.latency, written.latencySeconds, "latency", where) ?? seconds(0),
    energyJoulesPerBit:
      either(written.energy, written.energyJoulesPerBit, "energy", where) ??
      (0 as Link["energyJoulesPerBit"]),
    ...(written.medium === undefined ? {} : { medium: written.medium }),
  };
  if (between === undefined) return [{ from: from as string, to: to as string, ...common }];
  const [a, b] = between;
  return [
    { from: a, to: b, ...common },
    { from: b, to: a, ...common },
  ];
}

function either<T>(
  first: T | undefined,
  second: T | undefined,
  name: string,
  where: string,
): T | undefined {
  if (first !== undefined && second !== undefined) {
    throw invalid(`${where}: ${name} is given twice, with a unit and as a bare number; keep one`);
  }
  return first ?? second;
}

function invalid(message: string): CodedError {
  return new CodedError("TOPOLOGY_INVALID", message);
}
