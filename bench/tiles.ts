/**
 * What tiles gain: `npm run bench -- tiles`, some five minutes. D3's setting with and without tiles, two
 * equal devices over speeds and rates, groups of two to six. Node seconds are measured (bench/profiles),
 * everything else is modelled by the cost model; each plan is also run in virtual time.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { drawChart } from "../dist/cli/draw/chart.js";
import { heatMap, lineChart } from "../dist/compare/charts.js";
import { keepResults } from "./keep-results.ts";
import { profileOf } from "./tiles/ask.ts";
import { measureGroups, measurePair } from "./tiles/groups.ts";
import { pageOf } from "./tiles/page.ts";
import { gainsOf, measureTiers } from "./tiles/tiers.ts";

type Spec = Parameters<typeof drawChart>[0];

const started = process.hrtime.bigint();
const tiers = measureTiers(profileOf);
const pair = measurePair(profileOf("vgg16"));
console.log("two devices: done");
const groups = ["vgg16", "darknet53"].flatMap((network) =>
  measureGroups(network, profileOf(network)),
);
const tookSeconds = Number(process.hrtime.bigint() - started) / 1e9;
const gains = gainsOf(tiers);
const page = pageOf({ tiers, gains, pair, groups });
console.log(page);
mkdirSync("bench/results", { recursive: true });
writeFileSync("bench/results/tiles.md", page);
keepResults("tiles", { costs: "modelled", tookSeconds, tiers, gains, pair, groups });

const map = heatMap({
  title: "VGG-16 on two equal devices: how much sooner than on one",
  subtitle: "modelled; float32, the picture on one of them",
  cells: pair.cells.map(({ wholeSeconds, megabits, gain }) => ({
    x: `${megabits}`,
    y: `${wholeSeconds} s`,
    value: gain,
    text: gain.toFixed(2),
  })),
  xTitle: "link, Mbit/s",
  yTitle: "whole network on one",
  colour: { title: "gain", domain: [1, 2] },
  namesEveryColumn: true,
  cell: { width: 44, height: 24 },
});
const lines = lineChart({
  title: "VGG-16 and DarkNet-53 on two to six devices: how much sooner than on the fastest",
  subtitle: "modelled; 2 s on the fastest",
  points: groups.map(({ network, kind, megabits, devices, gain }) => ({
    x: devices,
    y: gain,
    series: `${kind}, ${megabits} Mbit/s`,
    panel: network,
  })),
  x: { title: "devices", domain: [2, 6], format: "d" },
  y: { title: "gain", domain: [1, 6] },
  seriesTitle: "speeds and links",
  panels: { columns: 2 },
});
writeFileSync("bench/results/tiles-two-devices.svg", await drawChart(map as unknown as Spec));
writeFileSync("bench/results/tiles-groups.svg", await drawChart(lines as unknown as Spec));
