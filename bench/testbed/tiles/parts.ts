/**
 * The settings of `testbed-tiles`, as data.
 *
 * @module
 */
import type { Link, Setting, Way } from "../setting.js";
import type { CellOptions, Imitated, Want } from "./cell.js";

export interface Part {
  readonly name: string;
  readonly cells: readonly string[];
  /** And the core that each has a part of. */
  readonly cores: Readonly<Record<string, number>>;
  wants(cell: string, hopSeconds: number): readonly Want[];
  readonly options: Omit<CellOptions, "testbed" | "folder" | "imitated">;
  /** Left out: quotas make devices slow. */
  imitated?(cell: string): Imitated;
}

const shared: Way = { planner: "exact", objective: "latency", limits: { tiles: true } };
const unshared: Way = { planner: "exact", objective: "latency" };

const linkRates = [100, 20, 1000] as const;

/** Two equal devices: what tiles gain by the speed of the devices and the rate of the link. */
const target: Part = {
  name: "target",
  cells: ["8", "17", "40"],
  cores: { left: 0, right: 1 },
  wants: (cell, hopSeconds) => {
    const quotas = { left: Number(cell), right: Number(cell) };
    const settingOf = (megabitsPerSecond: number): Setting => ({
      ...{ network: "vgg16", quotas, source: "left", hopSeconds, slowdown: 1 },
      links: [{ between: ["left", "right"], megabitsPerSecond }],
    });
    return [
      { what: "one device", setting: settingOf(100), way: unshared, alone: "left" },
      ...linkRates.map((rate) => ({
        ...{ what: `tiles, ${rate} Mbit/s`, setting: settingOf(rate), way: shared },
      })),
    ];
  },
  options: { calibrations: 7, requests: 10, inFlight: 1, warmUps: 40, warmUp: 1 },
};

/**
 * The same with devices that are slow at what takes long, convolutions, as a board is beside a server,
 * and less so at handling messages: all that they have of a core is theirs, and they wait until a slow
 * one would have been done. A cell is the seconds of what may be shared on one device.
 */
const boards: Part = {
  name: "boards",
  cells: ["1", "2"],
  cores: {},
  wants: (_, hopSeconds) => target.wants("100", hopSeconds),
  options: {
    ...{ calibrations: 15, requests: 20, inFlight: 1, warmUps: 8, warmUp: 1 },
    like: { right: "left" },
  },
  imitated: (cell) => ({ sharedSeconds: Number(cell) }),
};

const edges = ["edge1", "edge2", "edge3", "edge4"];
/** After the paper; machines of the edge are on one local network. */
const rates = { deviceToEdge: 84.95, edgeToCloud: 31.53, deviceToCloud: 18.75, edgeToEdge: 1000 };

/** Device, one, two or four machines of an edge, cloud. */
const tiers: Part = {
  name: "d3",
  cells: ["alexnet", "vgg16", "resnet18", "darknet53", "inceptionv4"],
  cores: { device: 1, edge1: 0, edge2: 1, edge3: 1, edge4: 1, cloud: 0 },
  wants: (cell, hopSeconds) => {
    const setting: Setting = {
      network: cell,
      quotas: { device: 8, edge1: 24, edge2: 24, edge3: 24, edge4: 24, cloud: 50 },
      tiers: {
        ...{ device: "device", cloud: "cloud" },
        ...Object.fromEntries(edges.map((edge) => [edge, "edge"])),
      },
      links: tierLinks(),
      ...{ source: "device", hopSeconds, slowdown: 1 },
    };
    const some = (count: number): string[] => ["device", ...edges.slice(0, count), "cloud"];
    const plain = (planner: string, devices: readonly string[]): Way => ({
      ...{ planner, objective: "latency", devices },
    });
    const tiled = (planner: string, count: number): Way => ({
      ...plain(planner, some(count)),
      limits: { tiles: true },
    });
    return [
      ...["device", "edge1", "cloud"].map((alone) => ({
        ...{
          what: `${alone.replace("1", "")} only`,
          setting,
          way: plain("single", some(1)),
          alone,
        },
      })),
      {
        what: "neurosurgeon, device and edge",
        setting,
        way: plain("neurosurgeon", ["device", "edge1"]),
      },
      { what: "dads, device and edge", setting, way: plain("dads", ["device", "edge1"]) },
      { what: "d3, 1 edge", setting, way: plain("d3", some(1)) },
      { what: "exact, 1 edge", setting, way: plain("exact", some(1)) },
      ...[1, 2, 4].flatMap((count) => [
        ...(count === 1
          ? []
          : [
              { what: `d3 with tiles, ${count} edges`, setting, way: tiled("d3", count) },
              {
                what: `d3-best-run, ${count} edges`,
                setting,
                way: tiled("d3-best-run", count),
                isModelled: true,
              },
            ]),
        { what: `exact with tiles, ${count} edges`, setting, way: tiled("exact", count) },
      ]),
    ];
  },
  options: {
    ...{ calibrations: 3, requests: 6, inFlight: 1, warmUps: 6, warmUp: 1 },
    like: { edge2: "edge1", edge3: "edge1", edge4: "edge1" },
  },
};

function tierLinks(): Link[] {
  return [
    ...edges.flatMap((edge): Link[] => [
      { between: ["device", edge], megabitsPerSecond: rates.deviceToEdge },
      { between: [edge, "cloud"], megabitsPerSecond: rates.edgeToCloud },
    ]),
    { between: ["device", "cloud"], megabitsPerSecond: rates.deviceToCloud },
    ...pairsOf(edges, rates.edgeToEdge),
  ];
}

function pairsOf(devices: readonly string[], megabitsPerSecond: number): Link[] {
  return devices.flatMap((one, position) =>
    devices
      .slice(position + 1)
      .map((other): Link => ({ between: [one, other], megabitsPerSecond })),
  );
}

const pipelined = { camera: 12, board1: 20, board2: 28, board3: 36, server: 60 };

/** Five unlike devices, many requests in flight. */
const pipeline: Part = {
  name: "pipeline",
  cells: ["vgg16", "darknet53", "resnet18"],
  cores: { camera: 0, board1: 1, board2: 1, board3: 1, server: 0 },
  wants: (cell, hopSeconds) => {
    const setting: Setting = {
      ...{ network: cell, quotas: pipelined, source: "camera", hopSeconds, slowdown: 1 },
      links: pairsOf(Object.keys(pipelined), 100),
    };
    const way = (planner: string, tiles: boolean): Way => ({
      ...{ planner, objective: "throughput", limits: tiles ? { tiles } : {} },
    });
    return [
      { what: "best single", setting, way: way("single", false) },
      { what: "pipeline only", setting, way: way("exact", false) },
      { what: "tiles only", setting, way: { ...way("exact", true), plannedFor: "latency" } },
      { what: "pipeline and tiles", setting, way: way("exact", true) },
    ];
  },
  options: {
    ...{ calibrations: 5, requests: 40, inFlight: 16, warmUps: 30, warmUp: 12 },
    isUnsteady: true,
  },
};

/** Two devices with all they have: what hops cost their agents. */
const hops: Part = {
  name: "hops",
  cells: ["vgg16"],
  cores: target.cores,
  wants: () => target.wants("100", 0).filter((_, position) => position !== 1 && position !== 2),
  options: { calibrations: 7, requests: 60, inFlight: 1, warmUps: 60, warmUp: 1 },
};

/** In this order: what hops cost is known to those behind. */
export const parts: readonly Part[] = [hops, target, boards, tiers, pipeline];
