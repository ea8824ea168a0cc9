import { type ChildProcess, spawn } from "node:child_process";
import { createRequire } from "node:module";
import { CodedError } from "../base/errors.ts";

/** An agent that is told to end gets this long before it is killed. */
const patienceMilliseconds = 3000;
/** As much of what an agent wrote before it died as a message may quote. */
const quotedCharacters = 2000;

export interface AgentProcessOptions {
  readonly device: string;
  /** Of the coordinator. */
  readonly join: string;
  readonly token: string;
  /** More options of `partita agent`. */
  readonly words: readonly string[];
}

/** One `partita agent`. Its standard input carries the token, and ends it when this process ends. */
export class AgentProcess {
  readonly device: string;
  readonly pid: number;
  /** Rejects when the process ends without having been told to. */
  readonly death: Promise<never>;
  readonly #process: ChildProcess;
  readonly #exited: Promise<void>;
  #ending = false;
  #written = "";

  constructor({ device, join, token, words }: AgentProcessOptions) {
    const script = createRequire(import.meta.url).resolve("#cli");
    const own = ["--join", join, "--name", device, "--token", "-", "--lifeline", "--quiet"];
    const child = spawn(process.execPath, [script, "agent", ...own, ...words], {
      stdio: ["pipe", "ignore", "pipe"],
      // In a group of its own: Ctrl-C in a terminal reaches the whole group, and agents that leave by
      // themselves would look lost to the coordinator before it ends.
      detached: true,
    });
    this.device = device;
    this.pid = child.pid ?? 0;
    this.#process = child;
    child.stdin?.on("error", () => undefined);
    child.stdin?.write(`${token}\n`);
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#written = (this.#written + text).slice(-quotedCharacters);
    });
    this.#exited = new Promise((resolve) => {
      child.once("exit", () => resolve());
      child.once("error", () => resolve());
    });
    this.death = this.#exited.then(() => this.#mourn());
    // Once the cluster serves, the coordinator notices by itself, and goes on without it.
    this.death.catch(() => undefined);
  }

  /** Ends the process, by force if it does not end when asked. */
  async end(): Promise<void> {
    this.#ending = true;
    this.#process.stdin?.end();
    const force = setTimeout(() => this.#process.kill("SIGKILL"), patienceMilliseconds);
    await this.#exited;
    clearTimeout(force);
  }

  #mourn(): Promise<never> {
    const { exitCode, signalCode } = this.#process;
    // Its coordinator may have told it to end.
    if (this.#ending || exitCode === 0) return new Promise(() => undefined);
    const how = signalCode === null ? `exit code ${exitCode}` : `signal ${signalCode}`;
    const said = this.#written.trim();
    throw new CodedError(
      "DEVICE_LOST",
      `the agent of device '${this.device}' ended (${how})${said === "" ? "" : `: ${said}`}`,
      { device: this.device },
    );
  }
}
