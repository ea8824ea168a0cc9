import type { Option } from "./command.ts";

/** What an option was given as: for this command, and for another that it is passed on to. */
export interface PassedOn<T> {
  readonly value: T;
  /** As the other command takes them; none if it was not given. */
  readonly words: readonly string[];
}

/** An option of another command: read here, so that what is wrong is said now, and passed on. */
export function passedOn<T>(option: Option<T>): Option<PassedOn<T>> {
  const name = /--[\w-]+/.exec(option.flags)?.[0] ?? option.flags;
  // Commander says `true` of `--no-…` where it was not given.
  const given = !name.startsWith("--no-");
  return {
    ...option,
    read: (raw) => {
      const value = option.read(raw);
      if (typeof raw === "boolean") return { value, words: raw === given ? [name] : [] };
      const texts = [raw ?? []].flat();
      return { value, words: texts.map((text) => `${name}=${text}`) };
    },
  };
}

/** Several of them, under their names. */
export function allPassedOn<O extends Readonly<Record<string, Option<unknown>>>>(
  options: O,
): { readonly [K in keyof O]: Option<PassedOn<ReturnType<O[K]["read"]>>> } {
  const entries = Object.entries(options).map(([key, option]) => [key, passedOn(option)]);
  return Object.fromEntries(entries);
}
