/**
 * One of several processes that may lead a cluster on NATS: it stands by until it is its turn.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { systemClock } from "../base/clock.node.ts";
import { CodedError, type ErrorCode, isCoded, messageOf } from "../base/errors.ts";
import { seconds } from "../base/units.ts";
import type { BlobDepot } from "../cluster/blob-depot.ts";
import { type Client, connectClient } from "../cluster/client.ts";
import { isForgotten, type JournalStore } from "../cluster/journal.ts";
import { runBridge } from "../nats/bridge.ts";
import { Candidate } from "../nats/candidate.ts";
import type { Engine } from "../nats/engine.ts";
import { askToForget, forgetAsked, forgetWhenAsked } from "../nats/forgetting.ts";
import { sharedJournal } from "../nats/kv-journal.ts";
import type { Leader } from "../nats/leader-record.ts";
import type { Leadership } from "../nats/leadership.ts";
import { isHeard, presentMembers, sayPresent } from "../nats/membership.ts";
import { retractModel } from "../nats/models.ts";
import { partsDepot } from "../nats/parts-depot.ts";
import { tokenMark } from "../nats/token-mark.node.ts";
import { parseAddress } from "../transport/tcp-listener.node.ts";
import { dialableAddresses, localAddress } from "./addresses.ts";
import { usage } from "./command.ts";
import type { NatsCluster } from "./nats-option.ts";
import { secureClient } from "./security.ts";
import type { Ground } from "./service.ts";

/** What a process runs while it leads. */
export interface Led {
  /** Where it can be dialled. */
  readonly address: string;
  /** Resolves when it can be asked. */
  ready(): Promise<void>;
  /** Resolves when it has ended by itself: `null` in order, else why. */
  readonly ended: Promise<CodedError | null>;
  /** Resolves with why it cannot be asked, nor will be, although it has not ended: another process may do better. */
  readonly failed: Promise<CodedError>;
  /** Lets another key have a device's name. @returns whether it was taken @throws MODEL_NOT_READY: not yet */
  forget(device: string): Promise<boolean>;
  /** Takes nothing new, and resolves when what was asked is answered: before the cluster ends. */
  drain(): Promise<void>;
  /**
   * Ends it here and nowhere else: agents go on, and wait for whoever leads next. What was asked may
   * be answered after that.
   */
  abandon(): Promise<void>;
  /** Ends the cluster. */
  end(): Promise<void>;
}

/** The time in which a process leads. */
export interface Turn {
  readonly leadership: Leadership;
  /** Whether another process may do better with what fails here: it was not given the lead for that before. */
  readonly mayYield: boolean;
  /** What is handed on from leader to leader. */
  readonly depot: BlobDepot;
  readonly journal: JournalStore;
}

export interface TurnOptions {
  readonly nats: NatsCluster;
  readonly model: string;
  readonly command: Leader["command"];
  /** Devices whose keys are not to be known any more, by whoever leads. */
  readonly forget: readonly string[];
  /** Starts what is led. @throws LEADERSHIP_LOST, ENGINE_FULL, ENGINE_UNAVAILABLE: it stands by again */
  readonly start: (turn: Turn) => Promise<Led>;
  /** Called when another one is seen to lead. */
  readonly onStandby: (leader: Leader) => void;
  /** Called when it leads no more, and stands by again. */
  readonly onDeposed: (why: CodedError) => void;
  readonly signal: AbortSignal;
}

/** How a turn to lead has ended. */
type End =
  | { readonly type: "deposed" | "failed" | "yielded"; readonly why: CodedError }
  | { readonly type: "stopped" };

/** Before it stands again, and before the cluster is asked again for requests that are kept. */
const pauseSeconds = seconds(0.5);

/**
 * Leads whenever it is its turn, until the signal aborts: then another process goes on, if one stands
 * by, else the cluster ends in order. Where what is led fails, a process that stands by is given the
 * lead, once: of two that both fail, one stays, and is asked in vain.
 *
 * @throws USAGE_INVALID if another one leads with another token, model, command or authority; why the
 * cluster has failed; what `start` throws
 */
export async function takeTurns(ground: Ground, options: TurnOptions): Promise<void> {
  const { nats, model, command, forget, signal, onStandby } = options;
  const { security, listen } = ground;
  if (parseAddress(listen).port === 0) {
    throw usage("--listen wants a port with --nats: agents are told of it before it is taken");
  }
  const self: Leader = {
    id: randomUUID(),
    addresses: dialableAddresses(listen),
    model,
    command,
    tokenMark: await tokenMark(nats.engine.salt, security.secret),
    fingerprint: security.authority?.fingerprint ?? null,
  };
  const { engine } = nats;
  const { id, addresses } = self;
  const member = { id, role: "coordinator", name: hostname(), addresses } as const;
  await askToForget(engine.forget, forget);
  void sayPresent(engine, () => member, AbortSignal.any([signal, nats.signal]));
  for (let mayYield = true; ; ) {
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
    const turn = { leadership, mayYield, ...handedOn(engine, self, leadership) };
    const end = await lead(ground, turn, options);
    mayYield &&= end.type !== "yielded";
    if (end.type === "failed") throw end.why;
    if (end.type === "stopped") return;
    options.onDeposed(end.why);
    // What made it stop may still be there.
    await systemClock.sleep(pauseSeconds, signal).catch(() => undefined);
  }
}

/** What coordinators of a model hand on to each other. */
function handedOn(
  engine: Engine,
  { model, tokenMark }: Leader,
  leadership: Leadership,
): Pick<Turn, "depot" | "journal"> {
  const journal = sharedJournal({
    cell: engine.journal(model),
    term: leadership.term,
    tokenMark,
    onFenced: (why) => leadership.lose(why),
  });
  return { depot: partsDepot(engine.parts), journal };
}

async function lead(ground: Ground, turn: Turn, options: TurnOptions): Promise<End> {
  const { nats, model, signal } = options;
  const { leadership, journal } = turn;
  const { engine } = nats;
  const freeing = (forget: (device: string) => Promise<boolean>) => ({
    cell: engine.forget,
    clock: engine.clock,
    forget: async (device: string) => tellFreed(device, await forget(device), ground),
    signal: over.signal,
  });
  const over = new AbortController();
  try {
    // Before a device can join that would be refused.
    await forgetAsked(freeing((device) => isForgotten(journal, device)));
    const led = await options.start(turn);
    void answerKept(ground, led, model, nats, over.signal);
    void forgetWhenAsked(freeing((device) => led.forget(device)));
    const end = await endOf(led, turn, signal, () => isReplaced(nats, ground));
    const isLeft = end.type === "deposed" || end.type === "yielded";
    if (isLeft || (end.type === "stopped" && (await isReplaced(nats, ground)))) {
      over.abort();
      await led.abandon();
    } else {
      if (end.type === "stopped") await led.drain();
      over.abort();
      await led.end();
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

/** What says nothing about this process: it can lead again. */
const isPassing: ReadonlySet<ErrorCode> = new Set([
  "LEADERSHIP_LOST",
  "ENGINE_FULL",
  "ENGINE_UNAVAILABLE",
]);

async function endOf(
  { ended, failed }: Led,
  { leadership, mayYield }: Turn,
  signal: AbortSignal,
  isReplaced: () => Promise<boolean>,
): Promise<End> {
  const stopped = new Promise<End>((resolve) => {
    const stop = (): void => resolve({ type: "stopped" });
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
  });
  const over = ended.then((why): End => {
    if (why === null) return { type: "stopped" };
    return { type: isPassing.has(why.code) ? "deposed" : "failed", why };
  });
  const lost = leadership.lost.then((why): End => ({ type: "deposed", why }));
  const yielded = failed.then(async (why): Promise<End> => {
    const message = `this process hands the lead over to one that stands by: ${why.message}`;
    if (mayYield && (await isReplaced())) {
      return { type: "yielded", why: new CodedError("LEADERSHIP_LOST", message, {}, why) };
    }
    return await new Promise<never>(() => undefined);
  });
  return await Promise.race([over, lost, stopped, yielded]);
}

/** Whether another process stands by: one that was killed a moment ago does not. */
async function isReplaced({ engine }: NatsCluster, { listen }: Ground): Promise<boolean> {
  const own = dialableAddresses(listen).join();
  try {
    return await isHeard(
      engine,
      ({ role, addresses }) => role === "coordinator" && addresses.join() !== own,
    );
  } catch {
    // Whoever it is cannot be seen, and must not lose its cluster.
    return true;
  }
}

function tellFreed(device: string, wasTaken: boolean, { terminal }: Ground): void {
  terminal.note(
    wasTaken
      ? `${device}: another machine may have this name now`
      : `${device}: no key is known of a device of this name, and none was forgotten`,
  );
}

/** Has the cluster answer what is kept for it, whenever it can be asked. */
async function answerKept(
  { security, terminal }: Ground,
  led: Led,
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
      await using asked = await reach(security.token, led, engine);
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
 * Asks agents as well: what serves goes on while whoever has just taken over waits for the last of
 * them.
 */
async function reach(token: string, led: Led, engine: Engine): Promise<Client> {
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
    led.ready().then(() => connect(localAddress(led.address))),
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
