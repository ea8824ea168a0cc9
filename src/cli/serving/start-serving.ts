/**
 * Models on shared devices, ready to be loaded.
 *
 * @module
 */
import { systemClock } from "../../base/clock.node.ts";
import { CoordinatorGroup } from "../../cluster/coordinator-group.ts";
import { planBeside, type Sharer, withoutBytes } from "../../cluster/sharing.ts";
import type { ClusterEvent } from "../../cluster/status.ts";
import type { Topology } from "../../cost/topology.ts";
import type { Plan } from "../../plan/plan.ts";
import { readSignature } from "../../runtime/signature.ts";
import { HostedModel } from "../../server/repository/hosted-model.ts";
import { HostedModels, type Place } from "../../server/repository/hosted-models.ts";
import { judgeLike } from "../deploy.ts";
import type { Judge } from "../judge.ts";
import type { Ground } from "../service.ts";
import { CoordinatingHost } from "./model-host.ts";
import { placeBeside, sharerOf } from "./place-models.ts";
import type { ServedSource, SourceChoices } from "./served-source.ts";

export interface ServingOptions {
  readonly sources: readonly ServedSource[];
  /** Of those that are to be loaded first. */
  readonly places: ReadonlyMap<string, Place>;
  readonly topology: Topology;
  readonly emulate: boolean;
  readonly mixed: boolean;
  /** Whether to go over to better plans while requests flow. */
  readonly adapt: boolean;
  readonly heartbeatSeconds: number;
  readonly missedHeartbeats: number;
  readonly options: SourceChoices;
  readonly signal: AbortSignal;
  readonly onEvent: (model: string, event: ClusterEvent) => void;
}

export interface Serving extends AsyncDisposable {
  /** Where agents and watchers dial. */
  readonly address: string;
  readonly models: HostedModels;
  /** Tells whoever wants to know what happens. */
  readonly watchers: Set<(model: string, event: ClusterEvent) => void>;
}

/**
 * Begins to listen; nothing is loaded yet. Disposing of it unloads everything and tells all agents to
 * end.
 *
 * @throws PORT_IN_USE
 */
export async function startServing(
  { security, listen, folder }: Ground,
  serving: ServingOptions,
): Promise<Serving> {
  const { sources, places, topology, signal, adapt, heartbeatSeconds, missedHeartbeats } = serving;
  const group = await CoordinatorGroup.open({
    transport: security.transport,
    clock: systemClock,
    listen,
    token: security.secret,
    heartbeatSeconds,
    missedHeartbeats,
    models: sources.map(({ name }) => name),
    wanted: [...places].flatMap(([name, place]) => ("infeasible" in place ? [] : [name])),
  });
  const watchers = new Set([serving.onEvent]);
  const host = new CoordinatingHost({
    ...serving,
    group,
    security,
    folder,
    replan: (name) => (left, aborted) => planBeside(sharers, sharerNamed(name), left, aborted),
    judge: (...model) => (adapt ? judgeBeside(...model) : null),
    takenBytes: (name, device) => models.takenBesideBytes(name, device),
    onEvent: (name, event) => {
      for (const watcher of watchers) watcher(name, event);
    },
  });
  const hosted = sources.map(
    ({ name, prepared }) => new HostedModel(name, readSignature(prepared.model), host),
  );
  const sharers = sources.map((source, place) =>
    sharerOf(source, () => hosted[place]?.plan ?? null),
  );
  const sharerNamed = (name: string) => sharers.find((sharer) => sharer.name === name) as Sharer;
  const sourceNamed = (name: string) =>
    sources.find((source) => source.name === name) as ServedSource;
  // What the others do of computing and sending shows in what is measured.
  const judgeBeside = (name: string, plan: Plan): Judge =>
    judgeLike(plan, sourceNamed(name).profile, serving.options, (left) =>
      withoutBytes(left, (device) => models.takenBesideBytes(name, device)),
    );
  const models = new HostedModels({
    models: hosted,
    place: (name) => placeBeside(sources, sharers, name, host.world(topology), signal),
  });
  return {
    address: group.address,
    models,
    watchers,
    [Symbol.asyncDispose]: async () => {
      await models.close();
      await group.close();
    },
  };
}
