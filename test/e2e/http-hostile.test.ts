import { Agent, request as httpRequest } from "node:http";
import { buffer } from "node:stream/consumers";
import { setImmediate as settle } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, onTestFinished, test } from "vitest";
import { errorTraits } from "../../src/base/errors.ts";
import { createRandom } from "../../src/base/random.ts";
import { type HttpRequest, hostileRequest, validRequest } from "../fixtures/hostile-http.ts";
import { startOip } from "../fixtures/oip-server.ts";
import { passingModel, passOn, servedModel } from "../fixtures/served-models.ts";

const isLong = process.env["PARTITA_TEST_LONG"] === "1";
const batchRequests = 250;
const batches = isLong ? 400 : 20;
const atOnce = 10;
const heapLimitBytes = 8 << 20;

const mixedModel = passingModel({
  x: { dataType: "float32", shape: ["N", 2] },
  t: { dataType: "string", shape: ["M"] },
});

interface Answer {
  readonly status: number;
  readonly body: Buffer;
}

/** Answers that stand for an error of the request itself, whatever its code's own status. */
const ownStatus: ReadonlySet<number> = new Set([404, 414, 415]);

/** @throws if it is neither an answer nor a coded refusal */
function requireSound({ status, body }: Answer, request: HttpRequest): void {
  const shown = `${status} ${body.toString("latin1").slice(0, 300)} for ${JSON.stringify(request)}`;
  if (status === 200) return;
  const code = /^\{"error":"([A-Z_]+): /.exec(body.toString())?.[1] ?? "";
  const traits = Object.entries(errorTraits).find(([name]) => name === code)?.[1];
  const isOwn = code === "REQUEST_INVALID" && ownStatus.has(status);
  if (status >= 500 || traits === undefined || (traits.httpStatus !== status && !isOwn)) {
    throw new Error(`the answer is not sound: ${shown}`);
  }
}

/** Of which the answer is known. */
function plainRequest(value: number): HttpRequest {
  const inputs = [
    { name: "x", datatype: "FP32", shape: [1, 2], data: [value, -1] },
    { name: "t", datatype: "BYTES", shape: [1], data: ["ä"] },
  ];
  const body = Buffer.from(JSON.stringify({ inputs }));
  return { path: "/v2/models/mixed/infer", headers: {}, body };
}

function heapBytes(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  return process.memoryUsage().heapUsed;
}

test(`${batchRequests * batches} hostile requests get coded answers, and harm nobody else's`, {
  timeout: isLong ? 1_800_000 : 120_000,
}, async () => {
  const { server, service, repository } = await startOip([
    servedModel("mixed", mixedModel, passOn),
  ]);
  const agent = new Agent({ keepAlive: true, maxSockets: atOnce });
  onTestFinished(() => agent.destroy());
  const { hostname, port } = new URL(server.url);
  const ask = ({ path, headers, body }: HttpRequest): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const length = { "content-length": body.length };
      const options = { agent, hostname, port, path, method: "POST" };
      const sent = httpRequest({ ...options, headers: { ...length, ...headers } }, (response) => {
        buffer(response).then(
          (bytes) => resolve({ status: response.statusCode ?? 0, body: bytes }),
          reject,
        );
      });
      sent.on("error", reject);
      sent.end(body);
    });
  const statuses = new Map<number, number>();
  let heapBefore = 0;
  for (let batch = 0; batch < batches; batch++) {
    const random = createRandom(batch + 1);
    for (let asked = 0; asked < batchRequests; asked += atOnce) {
      const requests = Array.from({ length: atOnce }, () => hostileRequest(random));
      const answers = await Promise.all(requests.map(ask));
      for (const [at, answer] of answers.entries()) {
        requireSound(answer, requests[at] as HttpRequest);
        statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
      }
    }
    expect((await ask(validRequest(random))).status).toBe(200);
    const { body } = await ask(plainRequest(batch));
    const { outputs } = JSON.parse(body.toString());
    expect(outputs).toMatchObject([{ data: [batch, -1] }, { data: ["ä"] }]);
    if (batch === 1) heapBefore = heapBytes();
  }
  expect([...statuses.keys()].sort()).toEqual([200, 400, 404, 413, 415]);
  while (server.heldBytes() > 0) await settle();
  expect(heapBytes() - heapBefore).toBeLessThan(heapLimitBytes);
  const [figures] = service.statistics.of(repository, "mixed");
  expect(figures?.inference_stats.fail.count).toBeGreaterThan(batches * 100);
});
