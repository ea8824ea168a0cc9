import {
  DiscardPolicy,
  type JetStreamClient,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
} from "@nats-io/jetstream";
import { type KV, Kvm } from "@nats-io/kv";
import { type ObjectStore, Objm } from "@nats-io/obj";
import { type NatsConnection, nanos } from "@nats-io/transport-node";
import type { Clock } from "../base/clock.ts";
import { Breaks } from "./breaks.ts";
import { engineError, isMissing } from "./engine-error.ts";
import { kvCell } from "./kv-cell.ts";
import { forgetKey, journalKey, leaderKey, type Names, namesOf, saltKey } from "./names.ts";
import type { NatsPlace } from "./nats-url.ts";
import type { SharedCell } from "./shared-cell.ts";

/** What is kept for a cluster on a NATS server. */
export interface Engine {
  readonly clock: Clock;
  /** Of the connection to the server. */
  readonly breaks: Breaks;
  readonly cluster: string;
  readonly names: Names;
  readonly stream: JetStreamClient;
  readonly manager: JetStreamManager;
  readonly state: KV;
  readonly members: KV;
  readonly parts: ObjectStore;
  readonly answers: KV;
  readonly bodies: ObjectStore;
  /** Who leads. */
  readonly leader: SharedCell;
  /** What makes the marks of this cluster's token unlike those of any other. */
  readonly salt: SharedCell;
  /** Devices whose names whoever leads is to free. */
  readonly forget: SharedCell;
  journal(model: string): SharedCell;
  /** What one message may hold, apart from its headers. */
  mostBytes(): number;
}

/** A request that nobody answers, and an answer that nobody takes, are forgotten after a day. */
const keptMilliseconds = 24 * 3600 * 1000;
/** Whoever does not say again that it is there has gone. */
const memberMilliseconds = 5000;
/** A request that is sent twice within this time stands once. */
const twiceMilliseconds = 2 * 60 * 1000;
/** Of a message: headers, and the names of a bucket. */
const headerBytes = 1 << 12;

/**
 * Opens what is kept for a cluster; what is not there yet is made.
 *
 * @throws ENGINE_FULL, ENGINE_UNAVAILABLE
 */
export async function openEngine(
  connection: NatsConnection,
  { cluster, replicas }: Pick<NatsPlace, "cluster" | "replicas">,
  clock: Clock,
): Promise<Engine> {
  const names = namesOf(cluster);
  const breaks = new Breaks(connection);
  try {
    const stream = jetstream(connection);
    const manager = await jetstreamManager(connection);
    const buckets = new Kvm(connection);
    const objects = new Objm(connection);
    const kept = { replicas, ttl: keptMilliseconds };
    const state = await buckets.create(names.state, { replicas, allow_direct: false });
    // On disk, though it is forgotten soon: a bucket in memory ends with its server.
    const members = await buckets.create(names.members, { replicas, ttl: memberMilliseconds });
    const answers = await buckets.create(names.answers, { ...kept, allow_direct: false });
    const parts = await objects.create(names.parts, { replicas });
    const bodies = await objects.create(names.bodies, { replicas, ttl: nanos(keptMilliseconds) });
    await openRequests(manager, names, replicas);
    const cell = (key: string): SharedCell => kvCell(state, key, clock, breaks);
    return {
      clock,
      breaks,
      cluster,
      names,
      stream,
      manager,
      state,
      members,
      parts,
      answers,
      bodies,
      leader: cell(leaderKey),
      salt: cell(saltKey),
      forget: cell(forgetKey),
      journal: (model) => cell(journalKey(model)),
      mostBytes: () => (connection.info?.max_payload ?? 1 << 20) - headerBytes,
    };
  } catch (error) {
    throw engineError(`the cluster '${cluster}' cannot be opened`, error);
  }
}

/** @throws what is no sign that a stream is missing */
function orNone(error: unknown): null {
  if (isMissing(error)) return null;
  throw error;
}

async function openRequests(
  manager: JetStreamManager,
  { requests, requestSubjects }: Names,
  replicas: number,
): Promise<void> {
  // Whoever made it has said how often it is kept.
  const found = await manager.streams.info(requests).catch(orNone);
  if (found !== null) return;
  await manager.streams.add({
    name: requests,
    subjects: [requestSubjects],
    retention: RetentionPolicy.Workqueue,
    storage: StorageType.File,
    // Better to refuse a request than to forget one that was accepted.
    discard: DiscardPolicy.New,
    num_replicas: replicas,
    max_age: nanos(keptMilliseconds),
    duplicate_window: nanos(twiceMilliseconds),
  });
}
