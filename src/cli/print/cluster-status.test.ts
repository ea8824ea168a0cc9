import { expect, test } from "vitest";
import { plainTerminal } from "../../../test/fixtures/quiet-terminal.ts";
import type { ClusterStatus } from "../../cluster/status.ts";
import { describeEvent, formatStatus } from "./cluster-status.ts";

const terminal = plainTerminal();

const unknown = {
  role: null,
  why: null,
  addresses: [],
  runtime: null,
  cores: null,
  memoryBytes: null,
  benchmarkSeconds: null,
  statedSpeed: 1,
  measuredSpeed: null,
  silentSeconds: null,
  requests: 0,
  peakRequests: 0,
  heldBytes: 0,
} as const;

const status: ClusterStatus = {
  format: "partita.status/1",
  model: "squeezenet",
  phase: "serving",
  why: null,
  upSeconds: 90,
  calendarSeconds: null,
  emulated: false,
  heartbeatSeconds: 0.5,
  missedHeartbeats: 10,
  serving: 2,
  generations: [
    {
      generation: 2,
      planner: "auto",
      state: "serving",
      cause: "gateway was lost",
      predictedLatencySeconds: 0.2,
      predictedPeriodSeconds: 0.1,
      objective: "latency",
      batch: null,
      stages: [
        { stage: "s1", device: "camera", nodes: 3, predictedSeconds: 0.1, measuredSeconds: 0.15 },
        { stage: "s2", device: "cloud", nodes: 2, predictedSeconds: 0.02, measuredSeconds: null },
      ],
      hops: [{ from: "camera", to: "cloud", tensors: 2, bytes: 2e5, predictedSeconds: 0.08 }],
    },
  ],
  devices: [
    { ...unknown, device: "camera", state: "running", role: "source", silentSeconds: 0.1 },
    { ...unknown, device: "server", state: "idle", statedSpeed: 2, measuredSpeed: 1.234 },
    { ...unknown, device: "gateway", state: "away", why: "it sent no heartbeat for 5 s" },
    { ...unknown, device: "cloud", state: "running", silentSeconds: 3, memoryBytes: 2 ** 30 },
  ],
  links: [
    {
      from: "camera",
      to: "cloud",
      state: "up",
      tunnelled: true,
      statedLatencySeconds: 0.001,
      statedBitsPerSecond: 20e6,
      measuredBitsPerSecond: 10e6,
    },
  ],
  requests: {
    answered: 41,
    failed: 0,
    replayed: 3,
    inFlight: 2,
    waiting: 0,
    latencySeconds: 0.25,
    perSecond: 9.5,
    requestsPerPass: 1,
  },
  faults: 1,
  failovers: 1,
  switches: 0,
  fallbacks: ["cloud"],
};

test("a status says what serves, where, how fast against its prediction, and what is wrong", () => {
  const lines = formatStatus(status, terminal).split("\n");
  const find = (...words: string[]) =>
    lines.filter((line) => words.every((word) => line.includes(word)));
  expect(lines[0]).toBe("squeezenet: serving generation 2");
  expect(find("41 answered", "3 replayed", "9.5 /s")).toHaveLength(1);
  expect(find("the loss of cloud")).toHaveLength(1);
  expect(find("gateway", "away", "it sent no heartbeat for 5 s")).toHaveLength(1);
  expect(find("server", "idle", "speed 1.2 by the benchmark, 2 stated")).toHaveLength(1);
  expect(find("cloud", "silent for 3 s")).toHaveLength(1);
  expect(find("s1", "camera", "100 ms", "150 ms", "+50 %")).toHaveLength(1);
  expect(
    find("camera → cloud", "through the coordinator", "−50 %", "200 kB, predicted 80 ms"),
  ).toHaveLength(1);
  expect(find("2", "serving", "auto", "10 /s", "gateway was lost")).toHaveLength(1);
});

test("where requests are joined, a status says how many and how long they wait, and counts single ones", () => {
  const batch = { most: 4, waitSeconds: 0.005 };
  const joining = {
    ...status,
    generations: status.generations.map((generation) => ({ ...generation, batch })),
    requests: { ...status.requests, requestsPerPass: 3.25 },
  };
  const text = formatStatus(joining, terminal);
  expect(text).toContain("up to 4 requests go as one, each waits up to 5 ms, 3.25 in the mean");
  expect(text).toMatch(/serving +auto +200 ms +40 \/s/);
  expect(formatStatus(status, terminal)).not.toContain("go as one");
});

test("a cluster that waits says for what", () => {
  const waiting = {
    ...status,
    phase: "waiting",
    why: "device 'cloud' has not joined",
    serving: null,
    generations: [],
    links: [],
  } as const;
  const text = formatStatus(waiting, terminal);
  expect(text).toContain("squeezenet: waiting (device 'cloud' has not joined)");
  expect(text).not.toContain("Stages");
});

test("an event is a sentence", () => {
  const drift = { type: "drift", what: "camera → cloud at 5 Mbit/s", gain: 0.3 } as const;
  expect(describeEvent({ ...drift, atSeconds: 1, taken: true })).toBe(
    "camera → cloud at 5 Mbit/s (30 % better): goes over to it",
  );
  expect(describeEvent({ type: "linkDown", from: "camera", to: "cloud", atSeconds: 2 })).toBe(
    "the link between camera and cloud is down",
  );
});
