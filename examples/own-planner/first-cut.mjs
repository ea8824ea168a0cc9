// A planner as a program of its own, without any package: reads a partita.problem/1 document on
// standard input, tries every cut of the graph order in two, and writes the best as a plan.
import { readFileSync } from "node:fs";

const problem = JSON.parse(readFileSync(0, "utf8"));
const reason = refuse(problem);
console.log(JSON.stringify(reason === null ? bestCut(problem) : { infeasible: reason }));

/** What this planner does not know it says, instead of answering wrongly. */
function refuse({ profile, topology, objective, limits }) {
  if (objective !== "latency") return `it minimises latency only, not ${objective}`;
  if (Object.keys(limits).length > 0) return "it knows no limits";
  if (topology.devices.length !== 2) return "it wants two devices";
  if (topology.devices.some(({ memoryBytes }) => memoryBytes !== null)) {
    return "it knows no memory limits";
  }
  if (profile.graph.nodes.some(({ colocation }) => colocation !== undefined)) {
    return "it knows no nodes that must share a device";
  }
  return null;
}

function bestCut(problem) {
  const { nodes } = problem.profile.graph;
  let best = null;
  for (let count = 0; count <= nodes.length; count++) {
    const found = costOfCut(problem, count);
    if (found !== null && (best === null || found.seconds < best.seconds)) best = found;
  }
  if (best === null) return { infeasible: "no cut of the graph order can be run" };
  const { seconds, transfers, names } = best;
  const placement = Object.fromEntries(nodes.map(({ name }, at) => [name, names[at]]));
  // The claim is checked. The transfers say that nothing is coded, whatever codecs the profile knows.
  return { placement, transfers, claimed: { latencySeconds: seconds }, method: "every cut in two" };
}

/** Latency of the first nodes on the source and the rest on the other device; null: it cannot be. */
function costOfCut({ profile, topology }, count) {
  const { graph } = profile;
  const source = topology.devices.find(({ name }) => name === topology.source);
  const other = topology.devices.find(({ name }) => name !== topology.source);
  const names = graph.nodes.map((_, at) => (at < count ? source.name : other.name));
  let seconds = 0;
  for (let at = 0; at < names.length; at++) {
    const device = at < count ? source : other;
    const own = kindOf(profile, device)?.nodeSeconds[at] ?? null;
    if (own === null) return null;
    seconds += own / device.speed;
  }
  const transfers = [];
  for (const tensor of graph.tensors) {
    const producer = graph.nodes.findIndex(({ outputs }) => outputs.includes(tensor.name));
    const home = producer < 0 ? source.name : names[producer];
    const wanted = graph.nodes.some(
      ({ inputs }, at) => inputs.includes(tensor.name) && names[at] !== home,
    );
    const delivered =
      graph.outputs.includes(tensor.name) && topology.sink !== "anywhere" && topology.sink !== home;
    if (!wanted && !delivered) continue;
    const from = home === source.name ? source : other;
    const to = home === source.name ? other : source;
    const hop = secondsOfHop(profile, topology, tensor, from, to);
    if (hop === null) return null;
    seconds += hop;
    transfers.push({ tensor: tensor.name, from: from.name, to: to.name });
  }
  return { seconds, transfers, names };
}

function secondsOfHop(profile, topology, tensor, from, to) {
  const link = topology.links.find((one) => one.from === from.name && one.to === to.name);
  if (link === undefined) return null;
  const isInput = profile.graph.inputs.includes(tensor.name);
  const bytes = (isInput ? topology.inputBytes[tensor.name] : undefined) ?? tensor.bytes;
  const sender = kindOf(profile, from);
  const receiver = kindOf(profile, to);
  const wire = link.latencySeconds + (8 * bytes) / link.bandwidthBitsPerSecond;
  const sending = (bytes * (sender?.boundarySecondsPerByte ?? 0)) / from.speed;
  const receiving =
    ((receiver?.overheadSeconds ?? 0) + bytes * (receiver?.boundarySecondsPerByte ?? 0)) / to.speed;
  return wire + sending + receiving;
}

/** What this kind of device costs; undefined: it only relays. */
function kindOf(profile, device) {
  return profile.devices[device.profile ?? Object.keys(profile.devices)[0]];
}
