/**
 * Whether the test bed does what it says: `npm run bench -- testbed-check`, as root. Rates per device
 * and per link, live changes, cut links, and parts of a core, each against what was asked for.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, release } from "node:os";
import Table from "cli-table3";
import type { Channel } from "./testbed/commands.js";
import { demandTestbed, Testbed } from "./testbed/testbed.js";

interface Row {
  readonly what: string;
  readonly asked: number;
  readonly got: number;
  readonly unit: string;
}

const receive = `
const net = require("node:net");
net.createServer((socket) => {
  let bytes = 0, first = 0n;
  socket.on("data", (chunk) => { if (bytes === 0) first = process.hrtime.bigint(); bytes += chunk.length; });
  socket.on("end", () => {
    const seconds = Number(process.hrtime.bigint() - first) / 1e9;
    console.log("received " + (8 * bytes) / seconds);
    socket.end();
  });
}).listen(4000, () => console.log("listening"));
`;
const send = `
const [host, bytes] = process.argv.slice(1);
const socket = require("node:net").connect(4000, host, () => socket.end(Buffer.alloc(Number(bytes))));
socket.on("close", () => process.exit(0));
socket.resume();
`;
const spin = `
const start = process.cpuUsage(), wall = process.hrtime.bigint();
while (process.hrtime.bigint() - wall < 2000000000n);
const used = process.cpuUsage(start);
console.log("used " + (used.user + used.system) / 2e4);
`;

demandTestbed();
const testbed = Testbed.up(["camera", "gateway", "cloud"]);
const rows: Row[] = [];
try {
  const server = testbed.exec("gateway", [process.execPath, "-e", receive]);
  await server.line(/listening/);
  const access: Channel = { device: "camera", direction: "up" };
  for (const rate of [2e6, 20e6, 100e6]) {
    testbed.rate(access, rate);
    rows.push(await measure(server, `camera up, ${rate / 1e6} Mbit/s`, rate));
  }
  testbed.rate(access, null);
  const link: Channel = { from: "camera", to: "gateway" };
  for (const rate of [5e6, 50e6]) {
    testbed.rate(link, rate);
    rows.push(await measure(server, `camera → gateway, ${rate / 1e6} Mbit/s`, rate));
  }
  testbed.cut("camera", "gateway");
  const blocked = testbed.exec("camera", sender(1000));
  const silent = await Promise.race([blocked.ended, pause(1500).then(() => "silent")]);
  blocked.kill("SIGKILL");
  await blocked.ended;
  testbed.mend("camera", "gateway");
  rows.push({
    ...{ what: "cut link lets nothing through", asked: 1, got: silent === "silent" ? 1 : 0 },
    unit: "",
  });
  for (const percent of [50, 20]) {
    testbed.quota("cloud", percent);
    const spinning = testbed.exec("cloud", [process.execPath, "-e", spin]);
    const line = await spinning.line(/used/);
    rows.push({
      ...{ what: `cloud with ${percent} % of a core`, asked: percent },
      ...{ got: Number(line.split(" ")[1]), unit: "%" },
    });
  }
} finally {
  await testbed.down();
}
report();

function sender(bytes: number): readonly [string, ...string[]] {
  return [process.execPath, "-e", send, testbed.address("gateway"), String(bytes)];
}

async function measure(
  server: { readonly lines: readonly string[] },
  what: string,
  asked: number,
): Promise<Row> {
  const known = server.lines.length;
  await testbed.exec("camera", sender(Math.max(200_000, asked / 8))).ended;
  const line = server.lines.slice(known).find((one) => one.startsWith("received")) ?? "";
  return { what, asked: asked / 1e6, got: Number(line.split(" ")[1]) / 1e6, unit: "Mbit/s" };
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}

function report(): void {
  const table = new Table({ head: ["what", "asked", "got", "difference"] });
  for (const { what, asked, got, unit } of rows) {
    const difference = `${((100 * (got - asked)) / asked).toFixed(1)} %`;
    table.push([what, `${asked} ${unit}`, `${got.toFixed(2)} ${unit}`, difference]);
  }
  console.log(table.toString());
  mkdirSync("bench/results", { recursive: true });
  const surroundings = { node: process.version, cpu: cpus()[0]?.model, kernel: release() };
  const document = { command: "npm run bench -- testbed-check", ...surroundings, rows };
  writeFileSync("bench/results/testbed-check.json", `${JSON.stringify(document, null, 2)}\n`);
}
