import { expect, test } from "vitest";
import type { HopTiming, Receipt, Report, StageTiming } from "./data-message.ts";
import { Measuring } from "./measuring.ts";

const counts = { answered: 3, failed: 0, replayed: 0, inFlight: 1, waiting: 2 };

function stage(computeSeconds: number): StageTiming {
  const busySeconds = 2 * computeSeconds;
  const waits = { startSeconds: 0, queueSeconds: 0.5 };
  return { stage: "s0", device: "camera", ...waits, computeSeconds, busySeconds };
}

function hop(tensor: string, bytes: number, sendSeconds: number): HopTiming {
  const waits = { startSeconds: 0, encodeSeconds: 0, queueSeconds: 0 };
  return { tensor, from: "camera", to: "cloud", bytes, sendSeconds, ...waits };
}

function receipt(tensor: string, bytes: number, seconds: number): Receipt {
  return { tensor, from: "camera", to: "cloud", bytes, seconds };
}

function report(part: Partial<Report>): Report {
  const none = { stages: [], hops: [], receipts: [] };
  return { type: "report", generation: 1, request: 1, ...none, ...part };
}

test("gives the median of each stage behind its first run, how often it ran, and the mean latency", () => {
  const measuring = new Measuring();
  for (const [at, computeSeconds] of [70, 1, 9, 2, 3].entries()) {
    measuring.take([report({ stages: [stage(computeSeconds)] })], at);
  }
  expect(measuring.sum(7, 0.5, counts).body).toEqual({
    generation: 7,
    seconds: 0.5,
    ...counts,
    latencySeconds: 2,
    requestsPerPass: 1,
    stages: [
      {
        stage: "s0",
        device: "camera",
        rows: 1,
        count: 4,
        computeSeconds: 2.5,
        busySeconds: 5,
        queueSeconds: 0.5,
      },
    ],
    hops: [],
  });
});

test("tells the rate of a link by the slower side of transfers that are large enough", () => {
  const measuring = new Measuring();
  const large = 1 << 20;
  const sent = [hop("a", large, 0.1), hop("b", large, 2), hop("small", 100, 5)];
  const received = [receipt("a", large, 1), receipt("b", large, 0.5), receipt("small", 100, 5)];
  measuring.take([report({ hops: sent }), report({ receipts: received })], 1);
  const [link] = measuring.sum(1, 1, counts).body.hops;
  expect(link).toEqual({
    from: "camera",
    to: "cloud",
    count: 3,
    bytes: 2 * large + 100,
    goodputBitsPerSecond: (8 * large * (1 + 1 / 2)) / 2,
  });
});

test("tells no rate by a transfer of which only one side is known, or that took no time", () => {
  const measuring = new Measuring();
  const large = 1 << 20;
  const reports = [
    report({ hops: [hop("a", large, 1), hop("b", large, 0)] }),
    report({ receipts: [receipt("b", large, 0)] }),
  ];
  measuring.take(reports, 1);
  expect(measuring.sum(1, 1, counts).body.hops[0]?.goodputBitsPerSecond).toBeNull();
});

test("counts how many requests went as one, and times stages by how many rows they had", () => {
  const measuring = new Measuring();
  const reports = (computeSeconds: number) => [report({ stages: [stage(computeSeconds)] })];
  for (const rows of [4, 4, 2, 2, 2]) measuring.take(reports(rows), 1, rows, rows);
  measuring.take(reports(70), 1, 1, null);
  const { requestsPerPass, stages } = measuring.sum(1, 1, counts).body;
  expect(requestsPerPass).toBe(2.5);
  expect(stages).toMatchObject([
    { rows: 4, count: 1, computeSeconds: 4 },
    { rows: 2, count: 2, computeSeconds: 2 },
  ]);
  expect(measuring.sum(1, 1, counts).body.requestsPerPass).toBeNull();
});

test("begins anew each time it was asked", () => {
  const measuring = new Measuring();
  measuring.take([report({ stages: [stage(1)] })], 1);
  measuring.sum(1, 1, counts);
  expect(measuring.sum(1, 1, counts).body).toMatchObject({
    latencySeconds: null,
    stages: [],
    hops: [],
  });
});
