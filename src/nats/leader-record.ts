import { z } from "zod";

/** Who leads a cluster, as everybody reads it. */
export interface LeaderRecord {
  readonly format: "partita.leader/2";
  /** Rises with each change of the leader: what an earlier one says counts no more. */
  readonly term: number;
  /** `null`: the last one has resigned. */
  readonly leader: Leader | null;
}

export interface Leader {
  /** Of its process, unlike any other's. */
  readonly id: string;
  /** Where agents, clients and watchers dial it. */
  readonly addresses: readonly string[];
  /** That it runs: who runs another one cannot go on in its place. */
  readonly model: string;
  /** Of `partita`: under which key agents hold the model depends on it. */
  readonly command: "coordinator" | "serve";
  /** Says which token the cluster has, and does not help to find it: coordinators of one cluster have the same. */
  readonly tokenMark: string;
  /** Of the cluster's authority; `null`: without TLS. */
  readonly fingerprint: string | null;
}

export const leaderFormat = "partita.leader/2";

const schema: z.ZodType<LeaderRecord> = z.strictObject({
  format: z.literal(leaderFormat),
  term: z.int().positive(),
  leader: z
    .strictObject({
      id: z.string(),
      addresses: z.array(z.string()).min(1),
      model: z.string(),
      command: z.enum(["coordinator", "serve"]),
      tokenMark: z.string(),
      fingerprint: z.string().nullable(),
    })
    .nullable(),
});

/** `null`: nothing stands there, or nothing that this version can read. */
export function parseLeaderRecord(text: string): LeaderRecord | null {
  try {
    const { success, data } = schema.safeParse(JSON.parse(text));
    return success ? data : null;
  } catch {
    return null;
  }
}
