import { once } from "node:events";
import { createServer, connect as dial, type Server, type Socket } from "node:net";

/** What the first message of a channel says. */
export interface Opening {
  readonly type: string;
  readonly device: string | null;
  readonly to: string | null;
}

/** Between two ends: both stay open whatever happens to what they say. */
interface Splice {
  readonly near: Socket;
  readonly far: Socket;
  opening: Opening | null;
  isCut: boolean;
}

/**
 * Stands at an address of its own in front of another one and passes on what is said, both ways. What
 * is cut is a black hole: everything is read, nothing arrives, nothing is closed.
 */
export class Relay {
  readonly address: string;
  /** Whether channels that open like this are cut. */
  #isCut: (opening: Opening) => boolean = () => false;
  #target: string | null = null;
  readonly #server: Server;
  readonly #splices = new Set<Splice>();

  static async open(): Promise<Relay> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new Relay(server);
  }

  /** Use `open`. */
  private constructor(server: Server) {
    this.#server = server;
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("it does not listen");
    this.address = `127.0.0.1:${address.port}`;
    server.on("connection", (near) => this.#splice(near));
  }

  /** From now on channels go there; those that stand stay where they are. */
  lead(target: string): void {
    this.#target = target;
  }

  /** Cuts channels, those that stand and those to come. */
  cut(isCut: (opening: Opening) => boolean): void {
    this.#isCut = isCut;
    for (const splice of this.#splices) {
      splice.isCut ||= splice.opening !== null && isCut(splice.opening);
    }
  }

  /** Channels to come pass again. What was cut stays so: TCP would have given up what it lost. */
  mend(): void {
    this.#isCut = () => false;
    for (const { near, far, isCut } of this.#splices) {
      if (!isCut) continue;
      near.destroy();
      far.destroy();
    }
  }

  close(): void {
    this.#server.close();
    for (const { near, far } of this.#splices) {
      near.destroy();
      far.destroy();
    }
  }

  #splice(near: Socket): void {
    const target = this.#target;
    if (target === null) {
      near.destroy();
      return;
    }
    const [host = "", port = ""] = target.split(":");
    const far = dial(Number(port), host);
    const splice: Splice = { near, far, opening: null, isCut: false };
    this.#splices.add(splice);
    const end = (): void => {
      this.#splices.delete(splice);
      if (splice.isCut) return;
      near.destroy();
      far.destroy();
    };
    for (const socket of [near, far]) {
      socket.setNoDelay(true);
      socket.on("error", end);
      socket.on("close", end);
    }
    near.on("data", (data) => {
      if (splice.opening === null) {
        splice.opening = readOpening(data);
        if (splice.opening !== null) splice.isCut = this.#isCut(splice.opening);
      }
      if (!splice.isCut) pass(data, near, far);
    });
    far.on("data", (data) => {
      if (!splice.isCut) pass(data, far, near);
    });
  }
}

/** Reads no faster than the other end takes. */
function pass(data: Buffer, from: Socket, to: Socket): void {
  if (to.write(data)) return;
  from.pause();
  to.once("drain", () => from.resume());
}

function readOpening(data: Buffer): Opening | null {
  const text = data.toString("latin1");
  const type = /"type":"(attach|tunnel|open|join|watch)"/.exec(text)?.[1];
  if (type === undefined) return null;
  const device = /"device":"([^"]*)"/.exec(text)?.[1] ?? null;
  const to = /"to":"([^"]*)"/.exec(text)?.[1] ?? null;
  return { type, device, to };
}
