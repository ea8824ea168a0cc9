import { readdirSync } from "node:fs";
import { constants, getPriority, setPriority } from "node:os";

/** 0: whoever calls, which on Linux is a thread, not its process. */
const self = 0;

/**
 * Has other threads go first while a task runs in this one, where it may go back to its own priority
 * afterwards: on Linux, as root, with CAP_SYS_NICE, or with a limit on nice values that is below the
 * present one. Elsewhere the task runs as it is.
 *
 * Threads that the task starts begin at its priority, and go back with it. Only one task at a time in
 * a thread.
 */
export async function atLowPriority<T>(task: () => Promise<T>): Promise<T> {
  const before = demote();
  try {
    return await task();
  } finally {
    if (before !== null) restore(before);
  }
}

interface Before {
  readonly priority: number;
  /** Of this process. */
  readonly threads: ReadonlySet<number>;
}

/** @returns how it was; `null`: it has been left so */
function demote(): Before | null {
  // On other systems it would be the priority of the process.
  if (process.platform !== "linux") return null;
  const priority = getPriority(self);
  try {
    const threads = new Set(threadsOfProcess());
    // Whoever may not go higher could not come back.
    setPriority(self, priority - 1);
    setPriority(self, constants.priority.PRIORITY_LOW);
    return { priority, threads };
  } catch {
    return null;
  }
}

function restore({ priority, threads }: Before): void {
  setPriority(self, priority);
  for (const thread of threadsOfProcess()) {
    if (threads.has(thread)) continue;
    try {
      if (getPriority(thread) === constants.priority.PRIORITY_LOW) setPriority(thread, priority);
    } catch {
      // It has ended.
    }
  }
}

/** @see proc_pid_task(5) */
function threadsOfProcess(): number[] {
  return readdirSync("/proc/self/task").map(Number);
}
