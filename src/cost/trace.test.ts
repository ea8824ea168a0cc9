import { expect, test } from "vitest";
import { readTopology } from "./topology-file.ts";
import { changeTimes, mergeTraces, readTrace, stateAt, statesOf } from "./trace.ts";

const topology = readTopology(`
format: partita.topology/1
devices: [{ name: camera }, { name: gateway }, { name: cloud }]
links:
  - { between: [camera, gateway], bandwidth: 40 Mbit/s }
  - { between: [gateway, cloud], bandwidth: 20 Mbit/s, medium: air }
source: camera
`);

const links = `seconds,link,bandwidthBitsPerSecond
1,camera->gateway,1e6
2,air,5000000
3,gateway<->camera,2e6
`;

test("holds the topology's own values before the first line, and the last line for ever", () => {
  const trace = readTrace(links, topology, "links.csv");
  expect(stateAt(trace, 0.99).bandwidthBitsPerSecond).toEqual([40e6, 40e6, 20e6, 20e6]);
  expect(stateAt(trace, 1e9)).toEqual({
    bandwidthBitsPerSecond: [2e6, 2e6, 5e6, 5e6],
    slowDown: [1, 1, 1],
  });
});

test("takes one direction, both directions or a medium, from its second on", () => {
  const trace = readTrace(links, topology, "links.csv");
  expect(changeTimes(trace)).toEqual([1, 2, 3]);
  expect(stateAt(trace, 1).bandwidthBitsPerSecond).toEqual([1e6, 40e6, 20e6, 20e6]);
  expect(stateAt(trace, 2.5).bandwidthBitsPerSecond).toEqual([1e6, 40e6, 5e6, 5e6]);
});

test("weighs each state by how long it holds, the last like the one before it", () => {
  const found = statesOf(readTrace(links, topology, "links.csv"));
  expect(found.map(({ weightSeconds }) => weightSeconds)).toEqual([1, 1, 1, 1]);
  const late = statesOf(
    readTrace("seconds,device,slowDown\n0,cloud,2\n8,cloud,3", topology, "load.csv"),
  );
  expect(late.map(({ state, weightSeconds }) => [state.slowDown[2], weightSeconds])).toEqual([
    [2, 8],
    [3, 8],
  ]);
  const constant = "seconds,device,slowDown\n0,cloud,2";
  expect(statesOf(readTrace(constant, topology, "c.csv"))).toHaveLength(1);
});

test("joins traces of links and of devices in the order of time", () => {
  const load = readTrace("seconds,device,slowDown\r\n2,cloud,1.5\r\n", topology, "load.csv");
  const trace = mergeTraces([readTrace(links, topology, "links.csv"), load], topology);
  expect(changeTimes(trace)).toEqual([1, 2, 3]);
  expect(stateAt(trace, 2)).toEqual({
    bandwidthBitsPerSecond: [1e6, 40e6, 5e6, 5e6],
    slowDown: [1, 1, 1.5],
  });
});

test("refuses to join traces that say two things about one link at one time", () => {
  const twice = [readTrace(links, topology, "a.csv"), readTrace(links, topology, "b.csv")];
  expect(() => mergeTraces(twice, topology)).toThrow(/camera → gateway at 1 s/);
});

const header = "seconds,link,bandwidthBitsPerSecond";

test.each([
  ["an empty file", "", /first line is ""/],
  ["another header", "time,link,rate\n1,air,2", /first line is "time,link,rate"; expected/],
  ["a header without lines", `${header}\n\n`, /no line below/],
  ["an unknown link", `${header}\n1,moon->cloud,2`, /line 2 names link 'moon->cloud'.*air/],
  ["an unknown device", "seconds,device,slowDown\n1,moon,2", /names device 'moon'.*camera/],
  ["a bandwidth of zero", `${header}\n1,air,0`, /line 2 has "0" as bandwidth/],
  ["a negative bandwidth", `${header}\n1,air,-5`, /"-5" as bandwidth/],
  ["an endless bandwidth", `${header}\n1,air,1e999`, /"1e999" as bandwidth/],
  ["a unit", `${header}\n1,air,8 Mbit/s`, /without a unit/],
  ["a missing number", `${header}\n,air,8`, /"" as seconds/],
  ["a negative time", `${header}\n-1,air,8`, /"-1" as seconds/],
  ["a field too few", `${header}\n1,air`, /line 2 has 2 fields, expected 3/],
  ["an empty line between others", `${header}\n1,air,8\n\n2,air,9`, /line 3 has 1 fields/],
  ["times that go back", `${header}\n2,air,8\n1,air,9`, /line 3 stands at 1 s.*'air'.*2 s/],
  [
    "one link twice at one time, by two names",
    `${header}\n2,air,8\n2,cloud->gateway,9`,
    /line 3 stands at 2 s/,
  ],
])("refuses %s, saying where and what", (_, text, message) => {
  const read = () => readTrace(text, topology, "trace.csv");
  expect(read).toThrow(expect.objectContaining({ code: "TRACE_INVALID" }));
  expect(read).toThrow(message);
  expect(read).toThrow(/^trace\.csv: /);
});
