import { messageOf } from "./errors.ts";

/** Why a file could not be read, in words; what the system says where there are none. */
export function readFailure(error: unknown): string {
  return inWords(readFailures, error);
}

/** Why a file could not be written, in words; what the system says where there are none. */
export function writeFailure(error: unknown): string {
  return inWords(writeFailures, error);
}

/** The code of an error of the system (`ENOENT`); `undefined`: it is another error. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  const { code } = error;
  return typeof code === "string" && /^E[A-Z]+$/.test(code) ? code : undefined;
}

function inWords(words: Readonly<Record<string, string>>, error: unknown): string {
  return words[systemCode(error) ?? ""] ?? messageOf(error);
}

const readFailures: Readonly<Record<string, string>> = {
  EACCES: "no permission to read it",
  EISDIR: "this is a folder, not a file",
  ENOENT: "no such file",
  ENOTDIR: "no such file",
};

const writeFailures: Readonly<Record<string, string>> = {
  EACCES: "no permission to write here",
  EEXIST: "there is a file of this name",
  EDQUOT: "the quota of this user is used up",
  EFBIG: "the file would be larger than this system allows",
  EISDIR: "this is a folder, not a file",
  ENOENT: "the folder does not exist",
  ENOSPC: "no space left on the disk",
  ENOTDIR: "what should be a folder on the way there is a file",
  EROFS: "the file system is read-only",
};
