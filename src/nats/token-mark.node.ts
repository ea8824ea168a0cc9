import { randomBytes, scrypt } from "node:crypto";
import { promisify } from "node:util";
import type { SharedCell } from "./shared-cell.ts";

const saltBytes = 16;
const markBytes = 32;
/** Takes 32 MiB, and long enough that whoever tries words one after the other gets nowhere. */
const cost = { N: 1 << 15, r: 8, p: 1, maxmem: 1 << 26 } as const;

const derive = promisify<string, Buffer, number, typeof cost, Buffer>(scrypt);

/**
 * What a cluster's token is known by where others read it: the same for all who share a salt, and no
 * help to whoever wants to find the token.
 *
 * @param salt empty at first; holds what the first one has made
 * @throws ENGINE_FULL, ENGINE_UNAVAILABLE
 */
export async function tokenMark(salt: SharedCell, token: string): Promise<string> {
  const shared = await sharedSalt(salt);
  const mark = await derive(token, Buffer.from(shared, "hex"), markBytes, cost);
  return mark.toString("hex");
}

async function sharedSalt(cell: SharedCell): Promise<string> {
  for (;;) {
    const { revision, text } = await cell.read();
    if (text !== "") return text;
    await cell.replace(revision, randomBytes(saltBytes).toString("hex"));
  }
}
