/** What became of one check. */
export interface Check {
  /** What was looked at. */
  readonly name: string;
  /** `skipped`: it cannot be known from here, or something in front of it failed. */
  readonly state: "ok" | "warning" | "failed" | "skipped";
  readonly observed: string;
  /** What to do about it; `null`: nothing. */
  readonly fix: string | null;
}

export function ok(name: string, observed: string): Check {
  return { name, state: "ok", observed, fix: null };
}

export function warning(name: string, observed: string, fix: string): Check {
  return { name, state: "warning", observed, fix };
}

export function failed(name: string, observed: string, fix: string): Check {
  return { name, state: "failed", observed, fix };
}

export function skipped(name: string, observed: string, fix: string | null = null): Check {
  return { name, state: "skipped", observed, fix };
}
