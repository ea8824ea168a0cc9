import { constants, getPriority, setPriority } from "node:os";

/** 0: whoever calls, which on Linux is a thread, not its process. */
const self = 0;

/**
 * Has other threads go first while a task runs in this one, where it may go back to its own priority
 * afterwards: on Linux, as root, with CAP_SYS_NICE, or with a limit on nice values that is below the
 * present one. Elsewhere the task runs as it is.
 *
 * What the task starts in other threads is theirs; only one at a time in a thread.
 */
export async function atLowPriority<T>(task: () => Promise<T>): Promise<T> {
  const own = demote();
  try {
    return await task();
  } finally {
    if (own !== null) setPriority(self, own);
  }
}

/** @returns what the priority was; `null`: it has been left */
function demote(): number | null {
  // On other systems it would be the priority of the process.
  if (process.platform !== "linux") return null;
  const own = getPriority(self);
  try {
    // Whoever may not go higher could not come back.
    setPriority(self, own - 1);
    setPriority(self, constants.priority.PRIORITY_LOW);
    return own;
  } catch {
    return null;
  }
}
