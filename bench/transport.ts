/**
 * Round trip of a payload and its acknowledgement over loopback TCP between two processes, and the
 * accuracy of a paced link on the timers of this machine: `npm run bench -- transport`.
 */
import { fork } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import Table from "cli-table3";
import { systemClock } from "../dist/base/clock.node.js";
import { bitsPerSecond } from "../dist/base/units.js";
import { createPacer } from "../dist/transport/pacer.js";
import { tcpTransport } from "../dist/transport/tcp.node.js";
import type { Channel, Frame } from "../dist/transport/transport.js";

/** Which side dials; the one that does reads in place, the other copies once. */
type Dialler = "receiver" | "sender";

interface Row {
  readonly dialler: Dialler;
  readonly payloadBytes: number;
  readonly rounds: number;
  readonly p50Seconds: number;
  readonly p99Seconds: number;
  readonly megabytesPerSecond: number;
  /** Of both processes together. */
  readonly cpuSecondsPerGigabyte: number;
}

const sizes = [
  { payloadBytes: 1000, rounds: 5000 },
  { payloadBytes: 100_000, rounds: 2000 },
  { payloadBytes: 1_000_000, rounds: 500 },
  { payloadBytes: 10_000_000, rounds: 80 },
];
const empty = new Uint8Array(0);
const here = fileURLToPath(import.meta.url);

if (process.argv[2] === "receive") await receive(process.argv[3] ?? "", process.argv[4]);
else await measureAll();

/** The other process: acknowledges every payload, with the CPU time it has used so far. */
async function receive(dialler: string, address = "127.0.0.1:0"): Promise<void> {
  const channel =
    dialler === "receiver" ? await tcpTransport.connect(address) : await acceptOne(address);
  for await (const { payload } of channel) {
    const header = { type: "ack", bytes: payload.byteLength, cpuSeconds: cpuSeconds() };
    await channel.send({ header, payload: empty });
  }
  process.disconnect();
}

async function acceptOne(address: string): Promise<Channel> {
  const listener = await tcpTransport.listen(address);
  process.send?.(listener.address);
  for await (const channel of listener) {
    await listener.close();
    return channel;
  }
  throw new Error("nobody dialled");
}

async function measureAll(): Promise<void> {
  const rows: Row[] = [];
  for (const dialler of ["receiver", "sender"] as const) {
    const { channel, end } = await openTo(dialler);
    for (const size of sizes) rows.push({ dialler, ...(await measure(channel, size)) });
    await channel.close();
    await end;
  }
  const pacing = await measurePacing();
  const machine = `${cpus()[0]?.model ?? "unknown"} × ${cpus().length}, Node ${process.version}`;
  const result = { measuredAt: new Date().toISOString(), machine, loopback: rows, pacing };
  // From `dist-bench/`, where the compiled file lies.
  const folder = new URL("../bench/results/", import.meta.url);
  mkdirSync(folder, { recursive: true });
  const file = new URL("transport.json", folder);
  writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
  print(rows, pacing);
}

async function openTo(dialler: Dialler): Promise<{ channel: Channel; end: Promise<void> }> {
  if (dialler === "sender") {
    const child = fork(here, ["receive", dialler]);
    const end = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    const address = await new Promise<string>((resolve) =>
      child.once("message", (text) => resolve(String(text))),
    );
    return { channel: await tcpTransport.connect(address), end };
  }
  const listener = await tcpTransport.listen("127.0.0.1:0");
  const child = fork(here, ["receive", dialler, listener.address]);
  const end = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  for await (const channel of listener) {
    await listener.close();
    return { channel, end };
  }
  throw new Error("nobody dialled");
}

async function measure(
  channel: Channel,
  { payloadBytes, rounds }: { payloadBytes: number; rounds: number },
): Promise<Omit<Row, "dialler">> {
  const frame: Frame = {
    header: { type: "tensor" },
    payload: new Uint8Array(payloadBytes).fill(7),
  };
  const acks = channel[Symbol.asyncIterator]();
  const durations: number[] = [];
  let cpuBefore = 0;
  let theirCpu = 0;
  let begun = 0;
  const warmUp = Math.ceil(rounds / 5);
  for (let round = -warmUp; round < rounds; round++) {
    const start = performance.now();
    if (round === 0) {
      begun = start;
      cpuBefore = cpuSeconds() + theirCpu;
    }
    await channel.send(frame);
    const { value } = await acks.next();
    theirCpu = Number(value?.header["cpuSeconds"]);
    if (round >= 0) durations.push((performance.now() - start) / 1000);
  }
  const gigabytes = (payloadBytes * rounds) / 1e9;
  return {
    payloadBytes,
    rounds,
    p50Seconds: quantile(durations, 0.5),
    p99Seconds: quantile(durations, 0.99),
    megabytesPerSecond: (gigabytes * 1e3) / ((performance.now() - begun) / 1000),
    cpuSecondsPerGigabyte: (cpuSeconds() + theirCpu - cpuBefore) / gigabytes,
  };
}

interface Pacing {
  readonly payloadBytes: number;
  readonly bandwidthBitsPerSecond: number;
  readonly idealSeconds: number;
  readonly measuredSeconds: number;
}

async function measurePacing(): Promise<Pacing[]> {
  const results: Pacing[] = [];
  for (const [payloadBytes, rate, rounds] of [
    [1000, 5e6, 500],
    [10_000, 100e6, 1000],
    [1_000_000, 400e6, 40],
  ] as const) {
    const bandwidthBitsPerSecond = bitsPerSecond(rate);
    const pacer = createPacer({ clock: systemClock, bandwidthBitsPerSecond });
    const start = performance.now();
    for (let round = 0; round < rounds; round++) await pacer.take(payloadBytes);
    const measuredSeconds = (performance.now() - start) / 1000;
    const idealSeconds = (8 * payloadBytes * rounds) / rate;
    results.push({ payloadBytes, bandwidthBitsPerSecond, idealSeconds, measuredSeconds });
  }
  return results;
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN;
}

function print(rows: readonly Row[], pacing: readonly Pacing[]): void {
  const loopback = new Table({
    head: ["dials", "payload", "p50 ms", "p99 ms", "MB/s", "CPU s/GB"],
  });
  for (const row of rows) {
    loopback.push([
      row.dialler,
      `${row.payloadBytes / 1000} kB`,
      (row.p50Seconds * 1000).toFixed(3),
      (row.p99Seconds * 1000).toFixed(3),
      row.megabytesPerSecond.toFixed(0),
      row.cpuSecondsPerGigabyte.toFixed(2),
    ]);
  }
  console.log(loopback.toString());
  const paced = new Table({ head: ["payload", "Mbit/s", "ideal s", "measured s", "off by"] });
  for (const row of pacing) {
    paced.push([
      `${row.payloadBytes / 1000} kB`,
      row.bandwidthBitsPerSecond / 1e6,
      row.idealSeconds.toFixed(4),
      row.measuredSeconds.toFixed(4),
      `${(100 * (row.measuredSeconds / row.idealSeconds - 1)).toFixed(2)} %`,
    ]);
  }
  console.log(paced.toString());
}
