/**
 * What the random problems of the planners' suite hold: for every part of the cost model there are
 * problems whose optimum hangs on it, so that a planner that overlooks it is caught.
 */
import { expect, test } from "vitest";
import { createOracle, type Question } from "./planner-oracle.ts";
import { allClasses, type ProblemClass, randomQuestion } from "./planner-problems.ts";

const size = { nodes: 5, devices: 3 };
/** So many problems must hang on a part, within so many seeds of some class. */
const enough = 5;
const seeds = 400;

const sums = allClasses.filter(({ objective }) => objective !== "throughput");
const pipelines = allClasses.filter(({ objective }) => objective === "throughput");
const meshes = allClasses.filter(({ shape }) => shape === "mesh");

/** A part of the cost model, and the question without it. */
const parts: readonly (readonly [string, readonly ProblemClass[], (q: Question) => Question])[] = [
  ["memory limits", allClasses, onDevices((device) => ({ ...device, memoryBytes: null }))],
  ["exclusive devices", pipelines, onDevices((d) => ({ ...d, communication: "overlapped" }))],
  ["unequal speeds", allClasses, onDevices((device) => ({ ...device, speed: 1 }))],
  ["power", sums, onDevices((d) => ({ ...d, busyWatts: d.idleWatts }))],
  ["shared media", pipelines, onLinks(({ medium: _, ...link }) => link)],
  ["latencies of links", sums, onLinks((link) => ({ ...link, latencySeconds: 0 as never }))],
  ["energy of links", sums, onLinks((link) => ({ ...link, energyJoulesPerBit: 0 as never }))],
  ["a wanted answer", allClasses, onTopology((t) => ({ ...t, sink: "anywhere" }))],
  [
    "a sink elsewhere",
    allClasses,
    onTopology((t) => ({ ...t, sink: t.sink === "anywhere" ? t.sink : t.source })),
  ],
  ["coded inputs", allClasses, onTopology((t) => ({ ...t, inputBytes: {} }))],
  [
    "limits",
    allClasses,
    ({ limits: { keepLocal }, ...q }) => ({
      ...q,
      limits: keepLocal === undefined ? {} : { keepLocal },
    }),
  ],
  ["privacy", allClasses, (q) => ({ ...q, limits: { ...q.limits, keepLocal: 0 } })],
  ["colocation", allClasses, onNodes(({ colocation: _, ...node }) => node)],
  ["several reads of one tensor", allClasses, oneReaderEach],
  [
    "work at boundaries",
    allClasses,
    onKinds((k) => ({ ...k, boundarySecondsPerByte: 0 as never })),
  ],
  ["overhead of tensors", allClasses, onKinds((k) => ({ ...k, overheadSeconds: 0 as never }))],
  ["memory of the runtime", allClasses, onKinds((k) => ({ ...k, overheadBytes: 0 as never }))],
  ["codecs of sums", sums, withoutCodecs],
  ["codecs of pipelines", pipelines, withoutCodecs],
];

test.each(parts)("optima hang on %s", (_, classes, without) => {
  expect(countWhere(classes, (question) => differs(question, without(question)))).toBe(enough);
});

test.each([
  ["sums", sums],
  ["pipelines", pipelines],
])("some direct links are cheaper than relaying, and optima hang on them: %s", (_, classes) => {
  const found = countWhere(both(classes, meshes), (question) =>
    question.topology.links.some(
      ({ from, to }, position) =>
        canRelay(question, from, to) && differs(question, withoutLink(question, position)),
    ),
  );
  expect(found).toBe(enough);
});

test("some direct links are so dear that nothing takes them", () => {
  const found = countWhere(meshes, (question) =>
    question.topology.links.some(
      ({ from, to }, position) =>
        canRelay(question, from, to) &&
        question.profile.graph.tensors.some(({ bytes }) => bytes > 0) &&
        !differs(question, withoutLink(question, position)),
    ),
  );
  expect(found).toBe(enough);
});

test("some optima send tensors both ways between two devices", () => {
  const found = countWhere(sums, (question) => {
    const placement = createOracle(question).best()?.placement;
    if (placement === undefined) return false;
    const ways = arrows(question, placement);
    return ways.some(([from, to]) => ways.some((other) => other[0] === to && other[1] === from));
  });
  expect(found).toBe(enough);
});

test("some problems have no answer", () => {
  expect(countWhere(allClasses, (question) => createOracle(question).best() === null)).toBe(enough);
});

/** How many problems are such, until there are enough. */
function countWhere(classes: readonly ProblemClass[], holds: (q: Question) => boolean): number {
  let found = 0;
  for (let seed = 1; seed <= seeds && found < enough; seed++) {
    const kind = classes[seed % classes.length] as ProblemClass;
    if (holds(randomQuestion(seed, kind, size))) found++;
  }
  return found;
}

function differs(question: Question, without: Question): boolean {
  if (JSON.stringify(question) === JSON.stringify(without)) return false;
  return createOracle(question).best()?.value !== createOracle(without).best()?.value;
}

type Device = Question["topology"]["devices"][number];
type Link = Question["topology"]["links"][number];
type Node = Question["profile"]["graph"]["nodes"][number];
type Kind = Question["profile"]["devices"][string];
type Change = (question: Question) => Question;

function onTopology(change: (topology: Question["topology"]) => Question["topology"]): Change {
  return (question) => ({ ...question, topology: change(question.topology) });
}

function onDevices(change: (device: Device) => Device): Change {
  return onTopology((topology) => ({ ...topology, devices: topology.devices.map(change) }));
}

function onLinks(change: (link: Link) => Link): Change {
  return onTopology((topology) => ({ ...topology, links: topology.links.map(change) }));
}

function onGraph(
  change: (graph: Question["profile"]["graph"]) => Question["profile"]["graph"],
): Change {
  return (question) => ({
    ...question,
    profile: { ...question.profile, graph: change(question.profile.graph) },
  });
}

function onNodes(change: (node: Node) => Node): Change {
  return onGraph((graph) => ({ ...graph, nodes: graph.nodes.map(change) }));
}

function onKinds(change: (kind: Kind) => Kind): Change {
  return (question) => ({
    ...question,
    profile: {
      ...question.profile,
      devices: Object.fromEntries(
        Object.entries(question.profile.devices).map(([name, kind]) => [name, change(kind)]),
      ),
    },
  });
}

function withoutCodecs(question: Question): Question {
  return onGraph((graph) => ({
    ...graph,
    tensors: graph.tensors.map(({ codecs: _, ...tensor }) => tensor),
  }))(question);
}

/** Each tensor is read by its first consumer only. */
function oneReaderEach(question: Question): Question {
  const read = new Set<string>();
  return onNodes((node) => {
    const inputs = node.inputs.filter((name) => !read.has(name));
    for (const name of inputs) read.add(name);
    return { ...node, inputs };
  })(question);
}

function withoutLink(question: Question, position: number): Question {
  return onTopology((topology) => ({
    ...topology,
    links: topology.links.filter((_, link) => link !== position),
  }))(question);
}

/** Whether two links lead from one device to another over a third. */
function canRelay({ topology: { links } }: Question, from: string, to: string): boolean {
  return links.some(
    (first) =>
      first.from === from &&
      first.to !== to &&
      links.some((second) => second.from === first.to && second.to === to),
  );
}

/** From and to of every tensor that a node on one device makes and one on another reads. */
function arrows({ profile: { graph } }: Question, placement: readonly number[]): number[][] {
  return graph.nodes.flatMap(({ inputs }, reader) =>
    graph.nodes.flatMap(({ outputs }, maker) =>
      placement[maker] !== placement[reader] && inputs.some((name) => outputs.includes(name))
        ? [[placement[maker] as number, placement[reader] as number]]
        : [],
    ),
  );
}

function both(a: readonly ProblemClass[], b: readonly ProblemClass[]): ProblemClass[] {
  return a.filter((kind) => b.includes(kind));
}
