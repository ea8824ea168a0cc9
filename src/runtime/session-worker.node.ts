import { createRequire } from "node:module";
import { setFlagsFromString } from "node:v8";
import { Worker } from "node:worker_threads";

/** A thread in which sessions are, each behind a port of its own. An idle one does not keep the process alive. */
export interface SessionWorker {
  readonly worker: Worker;
  readonly ended: Promise<void>;
  users: number;
}

let shared: SessionWorker | null = null;

/**
 * A thread for a session more: one of its own, or that of all sessions that share one. A thread takes
 * some 10 MB, and keeps memory that it has freed.
 */
export function enterWorker(isShared: boolean): SessionWorker {
  const entered = isShared ? (shared ?? startWorker()) : startWorker();
  if (isShared) shared = entered;
  entered.users++;
  return entered;
}

/** Ends the thread with its last session, and waits for that. */
export async function leaveWorker(left: SessionWorker): Promise<void> {
  left.users--;
  if (left.users > 0) return;
  forget(left);
  left.worker.postMessage(null);
  // Whoever waits for its end must not exit before.
  left.worker.ref();
  await left.ended;
}

function startWorker(): SessionWorker {
  // The library reports its use to its maker unless told otherwise before it is loaded. It does not
  // see the copy of the environment that a thread has.
  process.env["ORT_DISABLE_TELEMETRY"] ??= "1";
  // Tensors count as part of V8's heap. As small as it is here, some tens of them would have it collect
  // all of it, for several milliseconds each time; with this those that die young never do.
  setFlagsFromString("--heap-growing-percent=300");
  const worker = new Worker(createRequire(import.meta.url).resolve("#session-thread"));
  worker.setMaxListeners(0);
  worker.unref();
  const ended = new Promise<void>((resolve) => {
    worker.once("exit", () => resolve());
  });
  const started: SessionWorker = { worker, ended, users: 0 };
  // Nobody is to enter what fails, also in the moment before it ends.
  worker.once("error", () => forget(started));
  worker.once("exit", () => forget(started));
  return started;
}

function forget(gone: SessionWorker): void {
  if (shared === gone) shared = null;
}
