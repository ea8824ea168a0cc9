import { spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { Readable } from "node:stream";
import { CodedError } from "../base/errors.ts";
import type { ProfileHost } from "../cluster/profiling.ts";

type Order = Parameters<ProfileHost>[1];

/** Larger than the profile of any graph that planners can treat. */
const mostProfileBytes = 2 ** 28;
/** As much of what the process wrote before it failed as a message may quote. */
const quotedCharacters = 2000;

/**
 * Measures a model in a process of its own: whatever happens to that, this one goes on.
 *
 * @throws RUNTIME_FAILED if it fails, with what it said; the signal's reason
 */
export const profileInChild: ProfileHost = async (model, order, signal) => {
  signal.throwIfAborted();
  const script = createRequire(import.meta.url).resolve("#cli");
  const child = spawn(process.execPath, [script, "profile", "-", ...wordsOf(order)], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  const end = () => child.kill("SIGKILL");
  signal.addEventListener("abort", end, { once: true });
  try {
    void preferToEnd(child.pid);
    const exited = new Promise<string | null>((resolve) => {
      child.once("error", (error) => resolve(error.message));
      child.once("close", (code, by) => resolve(code === 0 ? null : how(code, by)));
    });
    // If it ends before it has read everything, its end says why.
    child.stdin.on("error", () => undefined);
    child.stdin.end(model);
    const said = quote(child.stderr);
    const written = collect(child.stdout, end);
    const failure = await exited;
    signal.throwIfAborted();
    if (failure !== null) throw failed(failure, said());
    return written();
  } finally {
    signal.removeEventListener("abort", end);
    end();
  }
};

function wordsOf({ kind, threads, shapes, codecs }: Order): string[] {
  return [
    "--output=-",
    `--as=${kind}`,
    `--threads=${threads}`,
    ...Object.entries(shapes).map(([input, sizes]) => `--shape=${input}=${sizes.join(",")}`),
    ...(codecs ? [] : ["--no-codecs"]),
  ];
}

/** Where memory runs out the system is to end that process, not this one. Best effort, on Linux. */
async function preferToEnd(pid: number | undefined): Promise<void> {
  await writeFile(`/proc/${pid}/oom_score_adj`, "1000").catch(() => undefined);
}

function how(code: number | null, signal: NodeJS.Signals | null): string {
  if (signal === null) return `exit code ${code}`;
  return signal === "SIGKILL" ? "it was killed, perhaps for want of memory" : `signal ${signal}`;
}

function quote(stream: Readable): () => string {
  let text = "";
  stream.setEncoding("utf8").on("data", (chunk: string) => {
    text = (text + chunk).slice(-quotedCharacters);
  });
  return () => text.trim();
}

function collect(stream: Readable, stop: () => void): () => Uint8Array<ArrayBuffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  stream.on("data", (chunk: Uint8Array) => {
    bytes += chunk.byteLength;
    chunks.push(chunk);
    if (bytes > mostProfileBytes) stop();
  });
  return () => new Uint8Array(Buffer.concat(chunks));
}

function failed(how: string, said: string): CodedError {
  const reason = said === "" ? "" : `: ${said}`;
  return new CodedError("RUNTIME_FAILED", `the model could not be measured (${how})${reason}`);
}
