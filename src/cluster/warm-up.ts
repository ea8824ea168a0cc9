import type { Session } from "../runtime/runtime.ts";
import { sampleInputs } from "../runtime/sample-inputs.ts";
import type { Processor } from "./processor.ts";

const warmed = new WeakSet<Session>();
/** Behind every request. */
const last = Number.MAX_SAFE_INTEGER;

/**
 * Runs sessions once that may be needed in a hurry: the first run of a session takes longer than those
 * behind it, as it meets fresh memory. Only those whose inputs are real numbers, which no operator can
 * stumble over.
 *
 * @param isWanted asked when the device has nothing else to do
 */
export function warmUp(
  sessions: Iterable<Session>,
  processor: Processor,
  isWanted: () => boolean,
): void {
  for (const session of sessions) {
    if (!session.inputs.every(isReal)) continue;
    processor.enqueue({
      request: last,
      position: 0,
      isWanted: () => !warmed.has(session) && isWanted(),
      run: () => run(session),
    });
  }
}

function isReal({ dataType }: Session["inputs"][number]): boolean {
  return dataType.startsWith("float");
}

async function run(session: Session): Promise<() => void> {
  warmed.add(session);
  try {
    await session.run(sampleInputs(session.inputs));
  } catch {
    // Whoever needs it will hear why it does not run.
  }
  return () => undefined;
}
