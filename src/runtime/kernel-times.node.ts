import { readdir, readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { CodedError } from "../base/errors.ts";

const suffix = "_kernel_time";

const eventsSchema = z.array(
  z.looseObject({
    cat: z.string().exactOptional(),
    name: z.string().exactOptional(),
    dur: z.number().exactOptional(),
  }),
);

/**
 * Reads what ONNX Runtime's profiler wrote: the least seconds that the kernel of each node took.
 *
 * @param prefix as given to the session; the runtime appends the date
 * @throws RUNTIME_FAILED if there is no such file
 */
export async function readKernelTimes(prefix: string): Promise<Map<string, number>> {
  const files = await readdir(dirname(prefix));
  const file = files.find((name) => name.startsWith(basename(prefix)));
  if (file === undefined) {
    throw new CodedError("RUNTIME_FAILED", `ONNX Runtime's profiler wrote no file ${prefix}*`);
  }
  const text = await readFile(join(dirname(prefix), file), "utf8");
  const least = new Map<string, number>();
  for (const { cat, name = "", dur = 0 } of eventsSchema.parse(JSON.parse(text))) {
    if (cat !== "Node" || !name.endsWith(suffix)) continue;
    const node = name.slice(0, -suffix.length);
    least.set(node, Math.min(least.get(node) ?? Number.POSITIVE_INFINITY, dur / 1e6));
  }
  return least;
}
