import { expect, test } from "vitest";
import { readTopology } from "./topology-file.ts";

const home = `
format: partita.topology/1
devices:
  - { name: camera,  tier: device, profile: pi, speed: 0.1, memory: 512 MiB, power: { busy: 4 W, idle: 1.5 W } }
  - { name: gateway, tier: edge, communication: exclusive, memoryBytes: 4e9 }
  - { name: cloud,   tier: cloud, profile: none }
links:
  - { between: [camera, gateway], bandwidth: 40 Mbit/s, latency: 2 ms, energy: 0.1 uJ/bit, medium: air }
  - { from: gateway, to: cloud, bandwidthBitsPerSecond: 20e6, latencySeconds: 0.015 }
source: camera
inputBytes: { data: 60 kB, mask: 12 }
`;

test("reads units and bare numbers, and fills in what is left out", () => {
  const topology = readTopology(home);
  const [camera, gateway] = topology.devices;
  expect(camera).toMatchObject({
    profile: "pi",
    memoryBytes: 512 * 2 ** 20,
    busyWatts: 4,
    idleWatts: 1.5,
  });
  expect(camera?.communication).toBe("overlapped");
  expect(gateway).toMatchObject({
    speed: 1,
    memoryBytes: 4e9,
    communication: "exclusive",
    idleWatts: 0,
  });
  expect(topology.sink).toBe("camera");
  expect(topology.inputBytes).toEqual({ data: 60_000, mask: 12 });
});

test("takes `between` as one link each way", () => {
  const { links } = readTopology(home);
  expect(links.map(({ from, to }) => `${from} → ${to}`)).toEqual([
    "camera → gateway",
    "gateway → camera",
    "gateway → cloud",
  ]);
  expect(links[1]).toMatchObject({
    latencySeconds: 0.002,
    medium: "air",
    energyJoulesPerBit: 1e-7,
  });
  expect(links[2]).toMatchObject({ bandwidthBitsPerSecond: 20e6, latencySeconds: 0.015 });
});

test("reads back what it wrote as JSON", () => {
  const topology = readTopology(home);
  expect(readTopology(JSON.stringify(topology))).toEqual(topology);
});

test("takes the coordinator's machine to be a relay that computes nothing", () => {
  const text = home.replace("name: gateway", "name: gateway, relay: coordinator");
  expect(readTopology(text).devices[1]).toMatchObject({
    name: "gateway",
    profile: "none",
    relay: "coordinator",
  });
});

const broken: readonly (readonly [string, string, string, RegExp])[] = [
  [
    "a device that is not listed in a link",
    "to: cloud",
    "to: moon",
    /gateway → moon names device 'moon'.*camera, gateway, cloud/,
  ],
  ["two devices of one name", "name: cloud", "name: camera", /two devices are named 'camera'/],
  [
    "a device that no path leads to",
    "from: gateway, to: cloud",
    "from: cloud, to: gateway",
    /device 'cloud' is disconnected/,
  ],
  [
    "a bandwidth without a unit",
    "40 Mbit/s",
    "40",
    /home\.yaml:8: links\.0\.bandwidth: "40" is not a quantity in bit\/s/,
  ],
  ["a wrong unit", "40 Mbit/s", "40 Mbps", /write for instance "20 Mbit\/s"/],
  [
    "a negative bandwidth",
    "40 Mbit/s",
    "-40 Mbit/s",
    /camera → gateway has a bandwidth of -40 Mbit\/s/,
  ],
  ["a bandwidth of nothing", "20e6", "0", /gateway → cloud has a bandwidth of 0 bit\/s/],
  ["no bandwidth at all", "bandwidth: 40 Mbit/s, ", "", /needs a bandwidth/],
  [
    "both spellings of one field",
    "latency: 2 ms",
    "latency: 2 ms, latencySeconds: 0.002",
    /latency is given twice/,
  ],
  ["less power busy than idle", "busy: 4 W", "busy: 1 W", /busy must not be below idle/],
  ["a source that is not listed", "source: camera", "source: phone", /source names device 'phone'/],
  ["a field that it does not know", "speed: 0.1", "sped: 0.1", /home\.yaml:4: devices\.0/],
  [
    "a link to itself",
    "from: gateway, to: cloud",
    "from: gateway, to: gateway",
    /joins a device to itself/,
  ],
  [
    "a link listed twice",
    "from: gateway, to: cloud",
    "from: camera, to: gateway",
    /camera → gateway is listed twice/,
  ],
  [
    "a source that only relays",
    "name: camera,  tier: device, profile: pi",
    "name: camera,  tier: device, relay: coordinator",
    /'camera' only relays; it can be neither source nor sink/,
  ],
  [
    "a relay with a profile",
    "name: gateway",
    "name: gateway, profile: fast, relay: coordinator",
    /it is a relay and has profile 'fast'/,
  ],
  [
    "a name that schemas lose",
    "{ data: 60 kB,",
    "{ __proto__: 60 kB,",
    /home\.yaml:11: inputBytes\.__proto__: nothing in a file may have this name; rename it/,
  ],
  ["another format", "partita.topology/1", "partita.topology/2", /format/],
];

test.each(broken)("refuses %s", (_, before, after, message) => {
  const text = home.replace(before, after);
  expect(text).not.toBe(home);
  expect(() => readTopology(text, "home.yaml")).toThrow(
    expect.objectContaining({ code: "TOPOLOGY_INVALID", message: expect.stringMatching(message) }),
  );
});

test.each(["", "\n# nothing yet\n"])("refuses a file that says nothing: %j", (text) => {
  expect(() => readTopology(text, "home.yaml")).toThrow(/^home\.yaml: there is nothing in it/);
});

test("refuses what is no YAML", () => {
  expect(() => readTopology("devices: [", "home.yaml")).toThrow(
    expect.objectContaining({
      code: "TOPOLOGY_INVALID",
      message: expect.stringMatching(/home\.yaml/),
    }),
  );
});
