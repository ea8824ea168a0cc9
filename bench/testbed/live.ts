/**
 * Real agents and a real coordinator on the test bed, asked along a trace.
 *
 * @module
 */
import { systemClock } from "../../dist/base/clock.node.js";
import { seconds } from "../../dist/base/units.js";
import type { Answer } from "./asking.js";
import { profileFileOf } from "./calibrating.js";
import { Cluster } from "./cluster.js";
import type { Running, Testbed } from "./testbed.js";

export const network = "resnet50";
/** Percent of one core. Beside them there is the coordinator, and who asks, without a limit. */
export const quotas = { camera: 12, gateway: 30, cloud: 90 } as const;
export type Device = keyof typeof quotas;
export const devices: readonly Device[] = ["camera", "gateway", "cloud"];
/** Where the coordinator and the program that asks are, beside its quota: at the end of the slow link. */
const desk: Device = "camera";
/** From gateway to cloud and back. */
export const uplinkBitsPerSecond = 100e6;
export const profileFile: string = profileFileOf(network);

/** Weights that may be needed after a loss come behind the start. */
const settleSeconds = 15;
const warmUps = 3;

export interface Row {
  readonly seconds: number;
  readonly bitsPerSecond: number;
}

export interface LiveOptions {
  readonly folder: string;
  readonly topologyFile: string;
  /** The plan that stays; `null`: it is re-planned. */
  readonly planFile: string | null;
  /** What the link of the camera carries, in both directions. */
  readonly rows: readonly Row[];
  readonly requests: number;
  readonly perSecond: number;
  /** Of requests, which the figures of time leave out. */
  readonly warmUp: number;
}

export interface LiveFigures {
  readonly meanSeconds: number;
  readonly p99Seconds: number;
  readonly asked: number;
  readonly answered: number;
  /** More answers than one for one request. */
  readonly doubled: number;
  /** Not the bits that the whole model gives on one machine. */
  readonly wrong: number;
  /** Behind the warm-up. */
  readonly switches: number;
  /** Seconds of the trace at which another plan began to serve, and why. */
  readonly events: readonly { readonly seconds: number; readonly cause: string }[];
  readonly latencySeconds: readonly number[];
}

/** One run; nothing of it is left when it resolves or rejects. */
export async function runLive(testbed: Testbed, options: LiveOptions): Promise<LiveFigures> {
  const { folder, topologyFile, planFile, requests, perSecond, rows } = options;
  for (const device of devices) testbed.quota(device, 100);
  setRate(testbed, null);
  for (const [from, to] of [
    ["gateway", "cloud"],
    ["cloud", "gateway"],
  ] as const) {
    testbed.rate({ from, to }, uplinkBitsPerSecond);
  }
  const cluster = await Cluster.start(testbed, {
    ...{ folder, topologyFile, network, devices, desk },
    heartbeat: { every: "0.25 s", missed: 40 },
    plan: planFile === null ? ["--profile", profileFile] : ["--plan", planFile],
  });
  try {
    const first = await cluster.coordinator.line(/"type":"serving"/);
    const start = systemClock.now() - (JSON.parse(first) as { atSeconds: number }).atSeconds;
    const asking = cluster.ask({ requests, warmUps, settleSeconds, pace: { perSecond } });
    await asking.line(/^ready/);
    for (const device of devices) testbed.quota(device, quotas[device]);
    setRate(testbed, rows[0]?.bitsPerSecond ?? null);
    await asking.line(/^begun/);
    const begun = systemClock.now() - start;
    await follow(testbed, rows, asking);
    return figuresOf(options, asking.lines, cluster.coordinator.lines, begun);
  } finally {
    await cluster.stop();
    setRate(testbed, null);
  }
}

/** Changes the link as the trace says until the last answer. */
async function follow(testbed: Testbed, rows: readonly Row[], asking: Running): Promise<void> {
  const start = systemClock.now();
  for (const { seconds: at, bitsPerSecond } of rows) {
    const left = start + at - systemClock.now();
    if (left > 0) await systemClock.sleep(seconds(left));
    setRate(testbed, bitsPerSecond);
  }
  await asking.line(/^done/);
}

/** All that the camera says and hears, so that there is no way around. */
function setRate(testbed: Testbed, bitsPerSecond: number | null): void {
  testbed.rate({ device: "camera", direction: "up" }, bitsPerSecond);
  testbed.rate({ device: "camera", direction: "down" }, bitsPerSecond);
}

function figuresOf(
  { requests, perSecond, warmUp }: LiveOptions,
  lines: readonly string[],
  told: readonly string[],
  begun: number,
): LiveFigures {
  const answers = lines
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Answer);
  const good = answers.filter(({ seconds: took }) => took !== undefined);
  const warm = good
    .filter(({ at }) => at >= warmUp / perSecond)
    .map(({ seconds: took = 0 }) => took);
  const sorted = warm.toSorted((a, b) => a - b);
  const events = told
    .filter((line) => line.includes('"type":"serving"'))
    .map((line) => JSON.parse(line) as { readonly atSeconds: number; readonly cause: string })
    .map(({ atSeconds, cause }) => ({ seconds: atSeconds - begun, cause }));
  return {
    meanSeconds: warm.reduce((sum, one) => sum + one, 0) / warm.length,
    p99Seconds: sorted[Math.ceil(0.99 * sorted.length) - 1] ?? Number.NaN,
    asked: requests,
    answered: new Set(good.map(({ at }) => at)).size,
    doubled: good.length - new Set(good.map(({ at }) => at)).size,
    wrong: good.filter(({ isRight }) => isRight !== true).length,
    switches: events.filter((event) => event.seconds >= warmUp / perSecond).length,
    events: events.filter((event) => event.seconds > 0),
    latencySeconds: good.toSorted((a, b) => a.at - b.at).map(({ seconds: took = 0 }) => took),
  };
}
