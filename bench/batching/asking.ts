import { systemClock } from "../../dist/base/clock.node.js";
import { seconds } from "../../dist/base/units.js";
import type { Client } from "../../dist/cluster/client.js";
import { compareTensors, isBitEqual } from "../../dist/runtime/compare.js";
import type { TensorValues } from "../../dist/runtime/runtime.js";

/** A request, and its answer when nothing is joined with it. */
export interface Question {
  readonly inputs: TensorValues;
  readonly alone: TensorValues;
}

export interface Reply {
  readonly latencySeconds: number;
  /** From the first request of the load on. */
  readonly answeredAt: number;
  /** How many requests went as one. */
  readonly joined: number;
  readonly bitEqual: boolean;
  /** Of the largest magnitude of the answer alone. */
  readonly difference: number;
}

/** So many requests, as many at once as the cluster takes. Replies in the order of the answers. */
export async function askClosed(
  client: Client,
  questions: readonly Question[],
  requests: number,
): Promise<Reply[]> {
  const start = systemClock.now();
  const replies: Reply[] = [];
  let next = 0;
  const ask = async (): Promise<void> => {
    for (let own = next++; own < requests; own = next++) {
      replies.push(await askOne(client, questions, own, start));
    }
  };
  await Promise.all(Array.from({ length: client.window }, ask));
  return replies;
}

/** A request at each of these seconds. Replies in the order of the requests. */
export async function askAt(
  client: Client,
  questions: readonly Question[],
  arrivals: readonly number[],
): Promise<Reply[]> {
  const start = systemClock.now();
  return await Promise.all(
    arrivals.map(async (at, request) => {
      await systemClock.sleep(seconds(Math.max(0, start + at - systemClock.now())));
      return await askOne(client, questions, request, start);
    }),
  );
}

async function askOne(
  client: Client,
  questions: readonly Question[],
  request: number,
  start: number,
): Promise<Reply> {
  const { inputs, alone } = questions[request % questions.length] as Question;
  const askedAt = systemClock.now();
  const { outputs, timings } = await client.infer(inputs);
  const answeredAt = systemClock.now();
  const differences = Object.entries(alone).map(([name, expected]) => {
    const found = outputs[name];
    return found === undefined ? Infinity : compareTensors(expected, found).maxRelative;
  });
  return {
    latencySeconds: answeredAt - askedAt,
    answeredAt: answeredAt - start,
    joined: timings.joined?.requests ?? 1,
    bitEqual: isBitEqual(alone, outputs),
    difference: Math.max(...differences),
  };
}
