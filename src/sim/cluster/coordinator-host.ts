import { type CodedError, isCoded } from "../../base/errors.ts";
import { seconds } from "../../base/units.ts";
import { CoordinatorGroup } from "../../cluster/coordinator-group.ts";
import { planBehind, planBeside, type Sharer, sharedWorld } from "../../cluster/sharing.ts";
import type { Topology } from "../../cost/topology.ts";
import type { Plan } from "../../plan/plan.ts";
import type { Machine } from "../network/machine.ts";
import { describe } from "./describe.ts";
import { findOverbooking } from "./overbooking.ts";
import type { Planned } from "./planned.ts";
import { requestsPerSecond } from "./several-setting.ts";
import { coordinatorAddress, type Others, type Tenant, token } from "./tenant.ts";

export interface CoordinatorHostOptions {
  /** One by itself, without a name, or several. */
  readonly tenants: readonly Tenant[];
  readonly heartbeatSeconds: number;
  readonly missedHeartbeats: number;
  readonly log: (host: string, what: unknown) => void;
  readonly complain: (violation: string) => void;
}

/** From a start of the host's program to its crash. */
interface Life {
  readonly machine: Machine;
  /** `null`: there is one model, by itself. */
  readonly group: CoordinatorGroup | null;
  /** Whom somebody sees to. */
  readonly kept: Set<Tenant>;
}

/**
 * How long the program does other things between listening and loading models: devices that look for it
 * find it in between.
 */
const startSeconds = seconds(0.6);

/** How long whoever loads models waits before a load is tried again. */
const againSeconds = seconds(0.5);

/** What a first plan may be refused with: no room, or a runtime that refuses a part. */
const refusals: ReadonlySet<string> = new Set(["PART_REFUSED", "RUNTIME_FAILED"]);

/** The program on the coordinator's host: a coordinator for each model that is to run. */
export class CoordinatorHost {
  readonly #options: CoordinatorHostOptions;
  #life: Life | null = null;
  #isClosing = false;

  constructor(options: CoordinatorHostOptions) {
    this.#options = options;
  }

  /** For the first time, or again after a crash. */
  async start(machine: Machine): Promise<void> {
    const { tenants } = this.#options;
    const group = await this.#open(machine);
    const life = { machine, group, kept: new Set<Tenant>() };
    this.#life = life;
    // Devices may hear of it before anything is loaded.
    if (group !== null) await machine.clock.sleep(startSeconds);
    for (const tenant of tenants) {
      if (tenant.isWanted) void this.#keep(tenant, life, tenant.place);
      else if (tenant.key !== null) group?.unwant(tenant.key);
    }
  }

  /** @param wiped whether what was on its disk is gone */
  crash(wiped: boolean): void {
    this.#life = null;
    for (const tenant of this.#options.tenants) tenant.forget(wiped);
  }

  /** Goes over to another plan of a model, if there is somebody who can. */
  adopt(tenant: Tenant, seed: number, replay: boolean): void {
    tenant.adopt(seed, replay, this.#othersOf(tenant));
  }

  /** Has devices let go of a model; if the program does not run, it does not begin with it. */
  unload(tenant: Tenant): void {
    tenant.isWanted = false;
    this.#life?.machine.dispatch(() => void tenant.close());
  }

  /** Finds a place for a model beside those that run. */
  load(tenant: Tenant): void {
    tenant.isWanted = true;
    const life = this.#life;
    life?.machine.dispatch(() => void this.#keep(tenant, life, null));
  }

  /** Ends all in good order. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await Promise.all(this.#options.tenants.map((tenant) => tenant.close()));
    await this.#life?.group?.close();
  }

  async #open(machine: Machine): Promise<CoordinatorGroup | null> {
    const { tenants, heartbeatSeconds, missedHeartbeats } = this.#options;
    const models = tenants.flatMap(({ key }) => key ?? []);
    if (models.length === 0) return null;
    const { transport, clock } = machine;
    return await CoordinatorGroup.open({
      ...{ transport, clock, listen: coordinatorAddress, token, models },
      wanted: tenants.flatMap(({ key, isWanted }) => (isWanted ? (key ?? []) : [])),
      ...{ heartbeatSeconds, missedHeartbeats },
    });
  }

  /**
   * Has a model run as long as it is wanted. One that finds no room is loaded again, as people do.
   *
   * @param place `null`: one is to be found
   */
  async #keep(tenant: Tenant, life: Life, place: Plan | null): Promise<void> {
    if (life.kept.has(tenant)) return;
    life.kept.add(tenant);
    const isWanted = () => tenant.isWanted && this.#life === life && !this.#isClosing;
    for (let known = place; isWanted(); known = null) {
      const plan = known ?? (await this.#place(tenant));
      if ("infeasible" in plan) this.#options.log("coordinator", plan);
      else await this.#run(tenant, life, plan);
      // It has ended when it must not, as was said.
      if (life.group === null) return;
      if (isWanted()) await life.machine.clock.sleep(againSeconds);
    }
    life.kept.delete(tenant);
  }

  /** Resolves when its coordinator has ended. */
  async #run(tenant: Tenant, { machine, group }: Life, plan: Plan): Promise<void> {
    const { complain, log } = this.#options;
    const { key } = tenant;
    if (key !== null) group?.want(key);
    try {
      const transport = group?.transportFor(key ?? "") ?? machine.transport;
      const { error, hasServed } = await tenant.run(
        machine,
        transport,
        plan,
        this.#othersOf(tenant),
      );
      log("coordinator", `${key ?? "it"} has ended: ${describe(error)}`);
      const isRefused = group !== null && !hasServed && isRefusal(error);
      const isMeant = this.#isClosing || !tenant.isWanted || isRefused;
      if (!isMeant) complain(`the coordinator has ended: ${describe(error)}`);
    } catch (error) {
      complain(`the coordinator does not start: ${describe(error)}`);
    }
    if (key !== null) group?.unwant(key);
    this.#othersOf(tenant).tell();
    if (group !== null) await tenant.conclude();
  }

  #place(tenant: Tenant): Promise<Planned> {
    const running = this.#options.tenants.flatMap(({ coordinator }) => coordinator ?? []);
    return this.#plan(planBehind, tenant, sharedWorld(tenant.setting.topology, running));
  }

  #plan(how: typeof planBeside, tenant: Tenant, left: Topology): Promise<Planned> {
    const sharers = new Map(this.#options.tenants.map((one) => [one, sharerOf(one)]));
    const sharer = sharers.get(tenant) as Sharer;
    return how([...sharers.values()], sharer, left, new AbortController().signal);
  }

  #othersOf(tenant: Tenant): Others {
    const { tenants, complain } = this.#options;
    const others = tenants.filter((other) => other !== tenant);
    return {
      plan: (left) => this.#plan(planBeside, tenant, left),
      takenBytes: (device) => others.reduce((sum, other) => sum + other.takesBytes(device), 0),
      tell: () => {
        for (const { coordinator } of others) coordinator?.reconsider();
        for (const violation of findOverbooking(tenants)) complain(violation);
      },
    };
  }
}

function sharerOf(tenant: Tenant): Sharer {
  const { key, setting } = tenant;
  return {
    name: key ?? "",
    profile: setting.profile,
    limits: {},
    requestsPerSecond,
    plan: () => tenant.plan,
    replan: async (left) => setting.plan(left),
  };
}

function isRefusal(error: CodedError | null): boolean {
  return isCoded(error) && refusals.has(error.code);
}
