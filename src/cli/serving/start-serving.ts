/**
 * Models on shared devices, ready to be loaded.
 *
 * @module
 */
import { systemClock } from "../../base/clock.node.ts";
import { CoordinatorGroup } from "../../cluster/coordinator-group.ts";
import { planBeside, type Sharer } from "../../cluster/sharing.ts";
import type { ClusterEvent } from "../../cluster/status.ts";
import type { Topology } from "../../cost/topology.ts";
import { readSignature } from "../../runtime/signature.ts";
import { HostedModel } from "../../server/repository/hosted-model.ts";
import { HostedModels, type Place } from "../../server/repository/hosted-models.ts";
import type { Ground } from "../service.ts";
import { CoordinatingHost, modelJournal, type Site } from "./model-host.ts";
import { judgeBeside, placeBeside, sharerOf } from "./place-models.ts";
import type { ServedSource } from "./served-source.ts";

export interface ServingOptions {
  readonly sources: readonly ServedSource[];
  readonly topology: Topology;
  readonly emulate: boolean;
  readonly mixed: boolean;
  /** Whether to go over to better plans while requests flow. */
  readonly adapt: boolean;
  readonly heartbeatSeconds: number;
  readonly missedHeartbeats: number;
  readonly signal: AbortSignal;
  readonly onEvent: (model: string, event: ClusterEvent) => void;
}

/** Models that are there to be asked, wherever they run. */
export interface Serving {
  readonly models: HostedModels;
  /** Tells whoever wants to know what happens. */
  readonly watchers: Set<(model: string, event: ClusterEvent) => void>;
  /**
   * Begins to listen for devices, and to load the models for which there are plans.
   *
   * @throws PORT_IN_USE
   */
  begin(beginning: Beginning): Promise<Begun>;
}

export interface Beginning {
  /** By model. */
  readonly places: ReadonlyMap<string, Place>;
  /** Told of each that could not be loaded. */
  readonly onFailed: (model: string, error: unknown) => void;
  /** What outlives coordinators. Default: journals in the ground's folder. */
  readonly keeping?: Omit<Site, "group">;
}

/** Models that run, or soon will. Disposing of it is its orderly end. */
export interface Begun extends AsyncDisposable {
  /** Where agents and watchers dial. */
  readonly address: string;
  /** Resolves when each model is loaded, or is not to be. */
  readonly loaded: Promise<void>;
  /** Lets another key have a device's name. @returns whether it was taken @throws MODEL_NOT_READY */
  forget(device: string): Promise<boolean>;
  /** Ends it here and nowhere else: agents go on, and wait for whoever coordinates next. */
  abandon(why: string): Promise<void>;
  /** Unloads everything and tells all agents to end. Idempotent. */
  close(): Promise<void>;
}

/** Models on shared devices, none of which runs yet. */
export function prepareServing(ground: Ground, serving: ServingOptions): Serving {
  const { sources, topology, signal, adapt } = serving;
  const watchers = new Set([serving.onEvent]);
  const host = new CoordinatingHost({
    ...serving,
    security: ground.security,
    replan: (name) => (left, aborted) => planBeside(sharers, sharerNamed(name), left, aborted),
    judge: (name, plan) => {
      if (!adapt) return null;
      return judgeBeside(sourceNamed(name), plan, (device) =>
        models.takenBesideBytes(name, device),
      );
    },
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
  const models = new HostedModels({
    models: hosted,
    place: (name) => placeBeside(sources, sharers, name, host.world(topology), signal),
  });
  return {
    models,
    watchers,
    begin: async (beginning) => {
      const group = await openGroup(ground, serving, beginning);
      const journalOf = (model: string) => modelJournal(ground.folder, model);
      host.settle({ journalOf, ...beginning.keeping, group });
      return run(beginning, models, host, group);
    },
  };
}

async function openGroup(
  { security, listen }: Ground,
  { sources, heartbeatSeconds, missedHeartbeats }: ServingOptions,
  { places }: Beginning,
): Promise<CoordinatorGroup> {
  return await CoordinatorGroup.open({
    transport: security.transport,
    clock: systemClock,
    listen,
    token: security.secret,
    heartbeatSeconds,
    missedHeartbeats,
    models: sources.map(({ name }) => name),
    // Agents that run already are not to let go of what they have.
    wanted: [...places].flatMap(([name, place]) => ("infeasible" in place ? [] : [name])),
  });
}

function run(
  { places, onFailed }: Beginning,
  models: HostedModels,
  host: CoordinatingHost,
  group: CoordinatorGroup,
): Begun {
  const loaded = models.begin(places, onFailed);
  let closing: Promise<void> | null = null;
  const end = async (): Promise<void> => {
    await models.close();
    await group.close();
  };
  const close = (): Promise<void> => {
    closing ??= end();
    return closing;
  };
  return {
    address: group.address,
    loaded,
    forget: (device) => host.forget(device),
    abandon: async (why) => {
      host.leave();
      await Promise.all([models.abandon(why), group.abandon()]);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
