/**
 * One of several coordinators of a cluster on NATS: it stands by until it is its turn to lead.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { systemClock } from "../base/clock.node.ts";
import { type CodedError, isCoded, messageOf } from "../base/errors.ts";
import { seconds } from "../base/units.ts";
import { type Client, connectClient } from "../cluster/client.ts";
import { forgetDevice } from "../cluster/journal.ts";
import { PartCutter } from "../cluster/parts.ts";
import { runBridge } from "../nats/bridge.ts";
import { Candidate } from "../nats/candidate.ts";
import type { Engine } from "../nats/engine.ts";
import { sharedJournal } from "../nats/kv-journal.ts";
import type { Leader } from "../nats/leader-record.ts";
import type { Leadership } from "../nats/leadership.ts";
import { presentMembers, sayPresent } from "../nats/membership.ts";
import { retractModel } from "../nats/models.ts";
import { partsDepot } from "../nats/parts-depot.ts";
import { tokenMark } from "../nats/token-mark.node.ts";
import { parseAddress } from "../transport/tcp-listener.node.ts";
import { dialableAddresses, localAddress } from "./addresses.ts";
import { usage } from "./command.ts";
import type { Deployable } from "./deploy.ts";
import type { NatsCluster } from "./nats-option.ts";
import { secureClient } from "./security.ts";
import { type Ground, type Service, type ServiceOptions, startService } from "./service.ts";

export interface TurnOptions extends ServiceOptions {
  readonly nats: NatsCluster;
  /** Devices whose keys are not to be known any more. */
  readonly forget: readonly string[];
  /** Called when another one is seen to lead. */
  readonly onStandby: (leader: Leader) => void;
  /** Called when this one leads and can be dialled. */
  readonly onLeading: (service: Service, term: number) => void;
  /** Called when it leads no more, and stands by again. */
  readonly onDeposed: (why: CodedError) => void;
  readonly signal: AbortSignal;
}

/** How a turn to lead has ended. */
type End =
  | { readonly type: "deposed" | "failed"; readonly why: CodedError }
  | { readonly type: "stopped" };

/** Before it stands again, and before the cluster is asked again for requests that are kept. */
const pauseSeconds = seconds(0.5);

/**
 * Leads whenever it is its turn, until the signal aborts: then another coordinator goes on, if one
 * stands by, else the cluster ends in order.
 *
 * @throws USAGE_INVALID if another one leads with another token, model or authority, or the journal is of
 * another model; PORT_IN_USE, PLAN_INVALID; why the cluster has failed
 */
export async function leadInTurn(ground: Ground, options: TurnOptions): Promise<void> {
  const { nats, signal, onStandby } = options;
  const { security, listen } = ground;
  if (parseAddress(listen).port === 0) {
    throw usage("--listen wants a port with --nats: agents are told of it before it is taken");
  }
  const self: Leader = {
    id: randomUUID(),
    addresses: dialableAddresses(listen),
    model: options.deployable.named.name,
    tokenMark: await tokenMark(nats.engine.salt, security.secret),
    fingerprint: security.authority?.fingerprint ?? null,
  };
  const { engine } = nats;
  const { id, addresses } = self;
  const member = { id, role: "coordinator", name: hostname(), addresses } as const;
  void sayPresent(engine, () => member, AbortSignal.any([signal, nats.signal]));
  // Large weights take seconds to hash: whoever takes over has done so before.
  const cutter = cutInAdvance(options.deployable);
  for (let turn = 1; ; turn++) {
    const candidate = new Candidate({
      cell: engine.leader,
      clock: engine.clock,
      self,
      onLeader: onStandby,
    });
    const leadership = await candidate.lead(signal).catch((error: unknown) => {
      if (signal.aborted) return null;
      throw error;
    });
    if (leadership === null) return;
    const end = await lead(ground, leadership, {
      ...options,
      cutter,
      tokenMark: self.tokenMark,
      forget: turn === 1 ? options.forget : [],
    });
    if (end.type === "failed") throw end.why;
    if (end.type === "stopped") return;
    options.onDeposed(end.why);
    // What made it stop may still be there.
    await systemClock.sleep(pauseSeconds, signal).catch(() => undefined);
  }
}

function cutInAdvance({ prepared, plan }: Deployable): PartCutter {
  const { model, openTypes, graph } = prepared;
  const cutter = new PartCutter(model, openTypes, graph);
  cutter.cut(plan);
  return cutter;
}

async function lead(
  ground: Ground,
  leadership: Leadership,
  options: TurnOptions & { readonly cutter: PartCutter; readonly tokenMark: string },
): Promise<End> {
  const { nats, deployable, cutter, signal } = options;
  const { engine } = nats;
  const model = deployable.named.name;
  const endings: Ground["endings"] = [];
  const over = new AbortController();
  try {
    const journal = sharedJournal({
      cell: engine.journal(model),
      term: leadership.term,
      tokenMark: options.tokenMark,
      onFenced: (why) => leadership.lose(why),
    });
    for (const device of options.forget) await forgetDevice(journal, device);
    const parts = { depot: partsDepot(engine.parts), cutter };
    const service = await startService({ ...ground, journal, endings }, { ...options, parts });
    options.onLeading(service, leadership.term);
    void answerKept(ground, service, model, nats, over.signal);
    const end = await endOf(service, leadership, signal);
    over.abort();
    if (end.type === "deposed" || (end.type === "stopped" && (await isReplaced(nats, ground)))) {
      await service.abandon();
    } else {
      for (const ending of endings.splice(0).reverse()) await ending();
      await retractModel(engine, model);
    }
    return end;
  } catch (error) {
    if (isCoded(error) && isPassing.has(error.code)) return { type: "deposed", why: error };
    throw error;
  } finally {
    over.abort();
    await leadership.resign();
  }
}

/** What says nothing about this coordinator: it can lead again. */
const isPassing: ReadonlySet<string> = new Set([
  "LEADERSHIP_LOST",
  "ENGINE_FULL",
  "ENGINE_UNAVAILABLE",
]);

async function endOf(
  { coordinator }: Service,
  leadership: Leadership,
  signal: AbortSignal,
): Promise<End> {
  const stopped = new Promise<End>((resolve) => {
    const stop = (): void => resolve({ type: "stopped" });
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
  });
  const ended = coordinator.ended.then(
    (why): End => (why === null ? { type: "stopped" } : { type: "failed", why }),
  );
  const lost = leadership.lost.then((why): End => ({ type: "deposed", why }));
  return await Promise.race([ended, lost, stopped]);
}

/** Whether another coordinator stands by. */
async function isReplaced({ engine }: NatsCluster, { listen }: Ground): Promise<boolean> {
  const own = dialableAddresses(listen).join();
  try {
    const members = await presentMembers(engine);
    return members.some(
      ({ role, addresses }) => role === "coordinator" && addresses.join() !== own,
    );
  } catch {
    // Whoever it is cannot be seen, and must not lose its cluster.
    return true;
  }
}

/** Has the cluster answer what is kept for it, whenever it can be asked. */
async function answerKept(
  { security, terminal }: Ground,
  { coordinator }: Service,
  model: string,
  { engine }: NatsCluster,
  signal: AbortSignal,
): Promise<void> {
  let complaint = "";
  const complain = (error: unknown): void => {
    if (signal.aborted || messageOf(error) === complaint) return;
    complaint = messageOf(error);
    terminal.note(`requests that are kept wait: ${complaint}`);
  };
  while (!signal.aborted) {
    try {
      await using asked = await reach(security.token, coordinator, engine);
      const gone = new AbortController();
      void asked.ended.then(() => gone.abort());
      const until = AbortSignal.any([signal, gone.signal]);
      await runBridge({ engine, model, asked, signal: until, onTrouble: complain });
    } catch (error) {
      complain(error);
    }
    await systemClock.sleep(pauseSeconds, signal).catch(() => undefined);
  }
}

/**
 * Asks agents as well: what serves goes on while a coordinator that has just taken over waits for the
 * last of them.
 */
async function reach(
  token: string,
  coordinator: Service["coordinator"],
  engine: Engine,
): Promise<Client> {
  const { transport, secret } = secureClient(token);
  const connect = (address: string) =>
    connectClient({
      transport,
      clock: systemClock,
      address,
      token: secret,
      retry: { newId: randomUUID, firstSeconds: 0 },
    });
  // Without them there is still the coordinator.
  const members = await presentMembers(engine).catch(() => []);
  const agents = members.filter(({ role }) => role === "agent");
  const attempts = [
    coordinator.ready().then(() => connect(localAddress(coordinator.address))),
    ...agents.flatMap(({ addresses }) => addresses.slice(0, 1)).map(connect),
  ];
  const first = await Promise.any(attempts).catch(({ errors }: AggregateError) => {
    throw errors[0];
  });
  for (const attempt of attempts) {
    // One is enough.
    void attempt.then((one) => (one === first ? undefined : one.close())).catch(() => undefined);
  }
  return first;
}
