import type { JetStreamManager } from "@nats-io/jetstream";

/**
 * The keys of a bucket, also those that were deleted and leave a mark. They are counted where they
 * lie: the library's own list asks for messages, and waits for 30 s when one is replaced meanwhile.
 *
 * @param filter as of subjects
 */
export async function bucketKeys(
  manager: JetStreamManager,
  bucket: string,
  filter = ">",
): Promise<string[]> {
  const prefix = `$KV.${bucket}.`;
  const only = { subjects_filter: `${prefix}${filter}` };
  const { state } = await manager.streams.info(`KV_${bucket}`, only);
  return Object.keys(state.subjects ?? {}).map((subject) => subject.slice(prefix.length));
}
