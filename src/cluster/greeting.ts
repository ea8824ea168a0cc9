/** Whoever accepts a channel refuses another version than its own. */
export const protocolVersion = 7;

/** What every first message on a channel says. */
export interface Greeting {
  readonly protocol: number;
  readonly token: string;
  /** Which of the models that run here is meant; left out: the first. */
  readonly model?: string;
}

/** How this version of the program greets. */
export function greet({
  token,
  model,
}: {
  readonly token: string;
  readonly model?: string | undefined;
}): Greeting {
  return { protocol: protocolVersion, token, ...(model === undefined ? {} : { model }) };
}
