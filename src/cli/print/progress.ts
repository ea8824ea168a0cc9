import { Presets, SingleBar } from "cli-progress";
import { harmless } from "../harmless.ts";
import type { Terminal } from "../terminal.ts";

/** A bar that shows how far something is; silent unless somebody watches. */
export interface Progress {
  /** @param done from 0 to 1 */
  update(done: number, what?: string): void;
  stop(): void;
}

/** Shorter work needs no bar. */
const patienceMilliseconds = 1000;

const silent: Progress = { update: () => undefined, stop: () => undefined };

/** Shows a bar on standard error, with the remaining time, once a second has passed. */
export function showProgress(title: string, terminal: Terminal): Progress {
  if (!terminal.watched) return silent;
  const started = performance.now();
  const bar = new SingleBar(
    {
      format: `${title} {bar} {percentage} %  {what}  {eta_formatted} left`,
      stream: terminal.errors,
      clearOnComplete: true,
      hideCursor: true,
      stopOnComplete: false,
      etaBuffer: 50,
    },
    Presets.shades_classic,
  );
  let shown = false;
  return {
    update: (done, subject = "") => {
      const what = harmless(subject);
      if (!shown && performance.now() - started < patienceMilliseconds) return;
      if (!shown) bar.start(1000, Math.round(done * 1000), { what });
      shown = true;
      bar.update(Math.round(done * 1000), { what });
    },
    stop: () => {
      if (shown) bar.stop();
    },
  };
}
