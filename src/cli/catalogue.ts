import type { Command } from "./command.ts";

interface Entry {
  /** Repeated here, so that the list of commands is shown without loading them. */
  readonly summary: string;
  load(): Promise<Command>;
}

/** All commands, in the order in which a user meets them. */
export const catalogue: Readonly<Record<string, Entry>> = {
  zoo: {
    summary: "write a standard network of the field as an ONNX model",
    load: async () => (await import("./commands/zoo.ts")).zoo,
  },
  inspect: {
    summary: "show what is in a model, and where a cut is worth anything",
    load: async () => (await import("./commands/inspect.ts")).inspect,
  },
  profile: {
    summary: "measure what each node of a model costs on this machine",
    load: async () => (await import("./commands/profile.ts")).profile,
  },
  plan: {
    summary: "find the best placement of the nodes on the devices of a topology",
    load: async () => (await import("./commands/plan.ts")).plan,
  },
  envelope: {
    summary: "find every placement that is the best for some bandwidths and loads",
    load: async () => (await import("./commands/envelope.ts")).envelope,
  },
  explain: {
    summary: "say why a plan is as it is, and what would have to change for it to change",
    load: async () => (await import("./commands/explain.ts")).explain,
  },
  simulate: {
    summary: "run a plan in virtual time: queues, arrivals, changing links and loads, losses",
    load: async () => (await import("./commands/simulate.ts")).simulate,
  },
  split: {
    summary: "cut a model along a plan into ONNX parts that any runtime can run",
    load: async () => (await import("./commands/split.ts")).split,
  },
  verify: {
    summary: "run a model whole and split, and compare every bit of the answers",
    load: async () => (await import("./commands/verify.ts")).verify,
  },
  up: {
    summary: "run a model split over processes on this machine",
    load: async () => (await import("./commands/up.ts")).up,
  },
  run: {
    summary: "send inputs to a split model and write the answers",
    load: async () => (await import("./commands/run.ts")).run,
  },
  coordinator: {
    summary: "run a model split over machines: plan, hand out parts, go on when some are lost",
    load: async () => (await import("./commands/coordinator.ts")).coordinator,
  },
  serve: {
    summary: "serve models split over machines by the Open Inference Protocol, as Triton does",
    load: async () => (await import("./commands/serve.ts")).serve,
  },
  deploy: {
    summary: "write what an engine needs to place coordinator and agents on machines",
    load: async () => (await import("./commands/deploy.ts")).deploy,
  },
  agent: {
    summary: "be a device: join a coordinator, get parts, run them until it ends",
    load: async () => (await import("./commands/agent.ts")).agent,
  },
  status: {
    summary: "show devices, plan, links, requests and faults of a cluster that is up",
    load: async () => (await import("./commands/status.ts")).status,
  },
  topology: {
    summary: "measure the links between agents that listen, and write them as a topology",
    load: async () => (await import("./commands/topology.ts")).topology,
  },
  bench: {
    summary: "compare planners on the same work, and measure how they grow",
    load: async () => (await import("./commands/bench.ts")).bench,
  },
  doctor: {
    summary: "check whether this machine can be a device, and what keeps it from a cluster",
    load: async () => (await import("./commands/doctor.ts")).doctor,
  },
  cache: {
    summary: "list the weights that this machine keeps for its devices, or clear them",
    load: async () => (await import("./commands/cache.ts")).cache,
  },
  demo: {
    summary: "read a label over camera, gateway and cloud, emulated on this machine",
    load: async () => (await import("./commands/demo.ts")).demo,
  },
};
