import type { Clock } from "../base/clock.ts";
import { CodedError } from "../base/errors.ts";
import { seconds } from "../base/units.ts";
import { openingLimits, type Transport } from "../transport/transport.ts";
import type { AgentLink } from "./agent-link.ts";
import type { Probed } from "./control-message.ts";
import { type CertificateAuthority, KnownDevices } from "./identity.ts";
import { Probing } from "./probing.ts";
import { malformed, type Received } from "./protocol.ts";
import { Reception } from "./reception.ts";
import { Switchboard } from "./switchboard.ts";

export interface GatheringOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly listen: string;
  readonly token: string;
  /** Who must come. */
  readonly devices: readonly string[];
  /** Certifies agents' keys. Default: none, without TLS. */
  readonly authority?: CertificateAuthority | null;
  readonly onJoined?: (device: string) => void;
  readonly onMeasured?: (link: GatheredLink) => void;
  /** Gives up. */
  readonly signal?: AbortSignal;
}

/** A machine, as its agent says. */
export interface GatheredDevice {
  readonly device: string;
  readonly cores: number;
  readonly memoryBytes: number | null;
  /** What the standard benchmark took there; `null`: it was not run. */
  readonly benchmarkSeconds: number | null;
}

/** A link, as its sender has measured it. */
export interface GatheredLink {
  readonly from: string;
  readonly to: string;
  /** `null`: there is no way, and `why` says why. */
  readonly link: Probed["link"];
  readonly why: string | null;
}

export interface Gathered {
  /** Where it listened, with the port that was really taken: the coordinator is to listen there. */
  readonly address: string;
  readonly devices: readonly GatheredDevice[];
  readonly links: readonly GatheredLink[];
}

const liveness = { heartbeatSeconds: 0.5, missedHeartbeats: 10 } as const;
const firstBytes = 1 << 18;
const mostBytes = 1 << 21;
/** A large probe is to take about so long at most. */
const probeSeconds = 1;

/**
 * Waits until agents of all these names have joined, and has each measure its link to each other one,
 * a link at a time: round trips, then 256 KiB, then up to 2 MiB or what passes in a second. Then it
 * lets them go: they dial the same address again, where the coordinator is to listen.
 *
 * @throws PORT_IN_USE; CHANNEL_CLOSED if it was given up; DEVICE_LOST if a device leaves meanwhile
 */
export async function gather(options: GatheringOptions): Promise<Gathered> {
  const gathering = new Gathering(options);
  try {
    return await gathering.run();
  } finally {
    await gathering.close();
  }
}

class Gathering {
  readonly #options: GatheringOptions;
  readonly #switchboard: Switchboard;
  readonly #probing: Probing;
  #reception: Reception | null = null;
  readonly #over = new AbortController();
  #onComplete: () => void = () => undefined;

  constructor(options: GatheringOptions) {
    const { clock } = options;
    const linkOf = (device: string) => this.#reception?.link(device);
    this.#options = options;
    this.#probing = new Probing({ clock, linkOf });
    this.#switchboard = new Switchboard({
      clock,
      ask: (device, kind, from) => {
        const peer = { device: from, addresses: linkOf(from)?.agent.addresses ?? [] };
        void linkOf(device)?.tell({ type: "dialBack", kind, peer, tunnel: true });
      },
    });
  }

  async run(): Promise<Gathered> {
    const { transport, listen, devices } = this.#options;
    const listener = await transport.listen(listen, openingLimits);
    const complete = new Promise<void>((resolve) => {
      this.#onComplete = resolve;
    });
    this.#reception = this.#receive(listener);
    void this.#beat(this.#reception);
    await this.#unlessGivenUp(complete);
    const links: GatheredLink[] = [];
    for (const from of devices) {
      for (const to of devices) {
        if (from === to) continue;
        const link = await this.#unlessGivenUp(this.#measure(from, to));
        links.push(link);
        this.#options.onMeasured?.(link);
      }
    }
    return { address: listener.address, devices: this.#machines(), links };
  }

  async close(): Promise<void> {
    this.#over.abort();
    await Promise.allSettled([this.#reception?.abandon(), this.#switchboard.close()]);
  }

  #receive(listener: Awaited<ReturnType<Transport["listen"]>>): Reception {
    const { clock, token, devices, authority = null, onJoined } = this.#options;
    return new Reception({
      listener,
      clock,
      token,
      liveness,
      authority,
      known: new KnownDevices({}),
      refusalOf: ({ name }) => (devices.includes(name) ? null : unknown(name, devices)),
      onJoined: ({ agent }) => {
        onJoined?.(agent.name);
        if (devices.every((name) => this.#reception?.link(name) !== undefined)) this.#onComplete();
      },
      onControl: (link, received) => this.#hear(link, received),
      onLeft: () => undefined,
      onTunnel: (channel, first) => void this.#switchboard.accept(channel, first),
      onWatch: (channel) => void channel.close(),
      whereToAsk: async () => {
        throw new CodedError("DEVICE_LOST", "the devices are being measured; ask again later");
      },
    });
  }

  /** Lets agents hear that somebody is here. */
  async #beat(reception: Reception): Promise<void> {
    const { clock } = this.#options;
    while (!this.#over.signal.aborted) {
      for (const link of reception.links()) link.ping();
      await clock
        .sleep(seconds(liveness.heartbeatSeconds), this.#over.signal)
        .catch(() => undefined);
    }
  }

  /** @throws FRAME_MALFORMED if an agent has no business to say this now */
  #hear(link: AgentLink, { message }: Received): void {
    link.heardAt = this.#options.clock.now();
    switch (message.type) {
      case "probed":
        this.#probing.hear(link.agent.name, message);
        return;
      case "dialBack": {
        const { name, addresses } = link.agent;
        const { kind, peer, tunnel } = message;
        const target = this.#reception?.link(peer.device);
        const asker = { device: name, addresses };
        void target?.tell({ type: "dialBack", kind, peer: asker, tunnel });
        return;
      }
      case "heartbeat":
      case "measured":
      case "ping":
      case "pong":
      case "lost":
      case "reached":
      case "serving":
      case "drained":
        return;
      default:
        throw malformed(`a message '${message.type}'`, "no agent has been told anything yet");
    }
  }

  async #measure(from: string, to: string): Promise<GatheredLink> {
    const first = await this.#probing.probe(from, to, firstBytes);
    if (first.link === null) return { from, to, link: null, why: first.error?.message ?? null };
    const fits = ((first.link.goodputBitsPerSecond ?? Number.POSITIVE_INFINITY) * probeSeconds) / 8;
    const bytes = Math.floor(Math.min(mostBytes, fits));
    if (bytes <= 2 * firstBytes) return { from, to, link: first.link, why: null };
    const second = await this.#probing.probe(from, to, bytes);
    return { from, to, link: second.link ?? first.link, why: null };
  }

  #machines(): GatheredDevice[] {
    return this.#options.devices.map((device) => {
      const agent = this.#reception?.link(device)?.agent;
      if (agent === undefined) {
        const why = `device '${device}' has left while links were measured; start its agent again`;
        throw new CodedError("DEVICE_LOST", why, { device });
      }
      const { cores, memoryBytes, benchmarkSeconds } = agent;
      return { device, cores, memoryBytes, benchmarkSeconds };
    });
  }

  /** @throws CHANNEL_CLOSED */
  async #unlessGivenUp<T>(promise: Promise<T>): Promise<T> {
    const { signal } = this.#options;
    if (signal === undefined) return await promise;
    const gone = () => new CodedError("CHANNEL_CLOSED", "the measurement was given up");
    if (signal.aborted) throw gone();
    let onAbort = (): void => undefined;
    const aborted = new Promise<never>((_, reject) => {
      onAbort = () => reject(gone());
      signal.addEventListener("abort", onAbort, { once: true });
    });
    try {
      return await Promise.race([promise, aborted]);
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }
}

function unknown(name: string, devices: readonly string[]): CodedError {
  const message = `agent '${name}' is none of ${devices.join(", ")}; start it with --name NAME`;
  return new CodedError("USAGE_INVALID", message, { name });
}
