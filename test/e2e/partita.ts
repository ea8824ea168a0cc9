import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { runCommandLine } from "../../src/cli/command-line.ts";
import { plainTerminal } from "../fixtures/quiet-terminal.ts";

/** What a command wrote, and how it ended. */
export interface Ended {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

const script = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

/** A folder of its own, in which commands run as a user would run them. */
export class Workbench {
  readonly folder: string = mkdtempSync(join(tmpdir(), "partita-e2e-"));
  readonly #environment: Readonly<Record<string, string>>;

  /** @param environment of commands, beside the test's own */
  constructor(environment: Readonly<Record<string, string>> = {}) {
    this.#environment = environment;
    mkdirSync(this.path("tmp"));
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** Writes a file and returns its name. */
  write(name: string, content: string | Uint8Array): string {
    writeFileSync(this.path(name), content);
    return name;
  }

  /** Starts `partita WORDS`. */
  start(...words: string[]): ChildProcess {
    return this.#spawn(process.execPath, [script, ...words]);
  }

  /** Runs `partita WORDS` to its end. */
  run(...words: string[]): Promise<Ended> {
    return ended(this.start(...words));
  }

  /** The same without a process, which takes longer to start than most commands run. One at a time. */
  async call(...words: string[]): Promise<Ended> {
    const [output, errors] = [new PassThrough(), new PassThrough()];
    const terminal = plainTerminal({
      json: words.includes("--json"),
      output,
      errors,
      cacheFolder: this.path("cache/partita"),
      stateFolder: this.path("state/partita"),
    });
    const before = process.cwd();
    process.chdir(this.folder);
    try {
      const written = Promise.all([text(output), text(errors)]);
      const { signal } = new AbortController();
      const code = await runCommandLine(words, { terminal, signal });
      for (const stream of [output, errors]) stream.end();
      const [result, remarks] = await written;
      return { code, output: result, errors: remarks };
    } finally {
      process.chdir(before);
    }
  }

  /** Runs a line of shell, in which `$PARTITA` is the command. */
  shell(line: string): Promise<Ended> {
    return ended(this.#spawn("/bin/bash", ["-c", line]));
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #spawn(file: string, words: readonly string[]): ChildProcess {
    const { FORCE_COLOR: _, ...environment } = process.env;
    return spawn(file, words, {
      cwd: this.folder,
      stdio: ["pipe", "pipe", "pipe"],
      env: {
        ...environment,
        TMPDIR: this.path("tmp"),
        XDG_CACHE_HOME: this.path("cache"),
        XDG_STATE_HOME: this.path("state"),
        PARTITA: `${process.execPath} ${script}`,
        ...this.#environment,
      },
    });
  }
}

/** Waits for a process and what it wrote. */
export async function ended(child: ChildProcess): Promise<Ended> {
  child.stdin?.end();
  const code = new Promise<number | null>((resolve) => child.once("close", resolve));
  const [output, errors] = await Promise.all([read(child.stdout), read(child.stderr)]);
  return { code: await code, output, errors };
}

function read(stream: ChildProcess["stdout"]): Promise<string> {
  return stream === null ? Promise.resolve("") : text(stream);
}

/**
 * The profile of a graph with 100 us for each node and some codecs, if any, for each tensor but the
 * inputs: what is planned from it is always the same.
 */
export function withEqualTimes(profile: string, codecs?: object): string {
  const parsed = JSON.parse(profile);
  for (const tensor of parsed.graph.tensors) {
    const isCoded = codecs !== undefined && !parsed.graph.inputs.includes(tensor.name);
    tensor.codecs = isCoded ? codecs : undefined;
  }
  const nodeSeconds = parsed.graph.nodes.map(() => 1e-4);
  const kind = { nodeSeconds, overheadSeconds: 0, boundarySecondsPerByte: 0, overheadBytes: 1e6 };
  return JSON.stringify({ ...parsed, devices: { "this-machine": kind } });
}

/** A camera, a gateway and a cloud machine, slow enough for splits to win. */
export const topologyText = `
format: partita.topology/1
devices:
  - { name: camera,  tier: device, speed: 0.02 }
  - { name: gateway, tier: edge,   speed: 0.04 }
  - { name: cloud,   tier: cloud,  speed: 0.1 }
links:
  - { between: [camera, gateway], bandwidth: 100 Mbit/s, latency: 1 ms }
  - { between: [gateway, cloud], bandwidth: 50 Mbit/s, latency: 2 ms }
source: camera
`;
