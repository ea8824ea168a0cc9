import { validateHeaderValue } from "node:http";
import fc from "fast-check";
import { expect, test } from "vitest";
import { timings } from "../../test/fixtures/observed.ts";
import { serverTiming } from "./server-timing.ts";

test("tells what a request waited and took, and its stages and hops, in milliseconds", () => {
  expect(serverTiming(timings).split(", ")).toEqual([
    "wait;dur=200",
    "run;dur=110",
    'stage;desc="s0 on camera";dur=30',
    'stage;desc="s2 on camera";dur=10',
    'stage;desc="s1 on cloud";dur=25',
    'hop;desc="camera to cloud";dur=30',
    'hop;desc="cloud to camera";dur=15',
  ]);
});

test("of a plan with thousands of stages it tells the longest, in their order", () => {
  const [stage] = timings.stages;
  if (stage === undefined) throw new Error("the sample has stages");
  const stages = Array.from({ length: 5000 }, (_, at) => ({
    ...{ ...stage, stage: `s${at}`, queueSeconds: 0 },
    busySeconds: at === 3 || at === 4000 ? 2 : 0.001,
  }));
  const value = serverTiming({ ...timings, stages });
  expect(value.length).toBeLessThanOrEqual(2048);
  const slow = value.split(", ").filter((entry) => entry.endsWith("dur=2000"));
  expect(slow).toEqual([
    'stage;desc="s3 on camera";dur=2000',
    'stage;desc="s4000 on camera";dur=2000',
  ]);
});

test("whatever stages and devices are called, it is a header with quoted descriptions", () => {
  const names = fc.string({ unit: "binary", maxLength: 12 });
  fc.assert(
    fc.property(names, names, (name, device) => {
      const stages = timings.stages.map((stage) => ({ ...stage, stage: name, device }));
      const value = serverTiming({ ...timings, stages, hops: [] });
      expect(() => validateHeaderValue("server-timing", value)).not.toThrow();
      const entry = /(wait|run|stage);(desc="([^"\\]|\\["\\])*";)?dur=[\d.]+(, |$)/gy;
      expect(value.replaceAll(entry, ".")).toBe(".....");
    }),
  );
});
