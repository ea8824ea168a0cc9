import { expect, test } from "vitest";
import { answered, arrival, timings } from "../../../test/fixtures/observed.ts";
import {
  neverAnswer,
  passingModel,
  passOn,
  servedModel,
} from "../../../test/fixtures/served-models.ts";
import { CodedError } from "../../base/errors.ts";
import { seconds } from "../../base/units.ts";
import { createVirtualClock } from "../../base/virtual-clock.ts";
import type { TensorValue } from "../../graph/tensor-value.ts";
import { LoadedModels } from "../loaded-models.ts";
import type { Arrival, Departure, Observer } from "../observer.ts";
import type { ModelState, ServedModel } from "../served-model.ts";
import { type Call, type InferenceRequest, InferenceService } from "./inference-service.ts";

const graph = passingModel({
  a: { dataType: "uint8", shape: [2] },
  "7": { dataType: "uint8", shape: [1] },
});
const bytes = (...values: number[]): TensorValue => ({
  dataType: "uint8",
  shape: [values.length],
  data: new Uint8Array(values),
});
const inputs = { a: bytes(1, 2), "7": bytes(3) };
const request: InferenceRequest = {
  id: "mine",
  idempotencyKey: null,
  inputs,
  outputs: null,
  deadlineSeconds: null,
};
const call: Call = {
  model: "passing",
  version: "",
  protocol: "http",
  traceparent: "00-from-outside",
  tracestate: null,
  signal: new AbortController().signal,
};

interface Seen {
  readonly arrival: Arrival;
  readonly departures: Departure[];
}

/** A service over one model, and all that an observer sees. */
function start(model: ServedModel = servedModel("passing", graph, passOn)) {
  const seen: Seen[] = [];
  const observer: Observer = {
    begun: (arrival) => {
      const departures: Departure[] = [];
      seen.push({ arrival, departures });
      return { traceparent: "00-ours", ended: (departure) => departures.push(departure) };
    },
  };
  const clock = createVirtualClock({ settle: async () => undefined });
  const repository = new LoadedModels([model]);
  const service = new InferenceService({
    repository,
    observers: [observer],
    clock,
    calendar: () => 1_700_000_000_000,
  });
  const ask = (changes: Partial<InferenceRequest> = {}, of: Partial<Call> = {}) =>
    service.infer(
      { ...call, ...of },
      () => ({ ...request, ...changes }),
      (answer) => answer,
    );
  return { service, repository, seen, ask, clock };
}

test("answers with all outputs in the order of the model, and the trace context of an observer", async () => {
  const { ask } = start();
  const { outputs, traceparent, inference } = await ask();
  expect(outputs.map(({ name }) => name)).toEqual(["7_out", "a_out"]);
  expect(inference.outputs["a_out"]).toEqual(inputs.a);
  expect(traceparent).toBe("00-ours");
});

test("answers with the outputs that were asked for, in that order", async () => {
  const { ask } = start();
  const both = await ask({ outputs: ["a_out", "7_out"] });
  expect(both.outputs.map(({ name }) => name)).toEqual(["a_out", "7_out"]);
  const { outputs, inference } = await ask({ outputs: ["7_out"] });
  expect(outputs).toEqual([{ name: "7_out", value: inputs["7"] }]);
  expect(Object.keys(inference.outputs)).toEqual(["7_out"]);
});

test("refuses what does not fit the model before anybody is asked", async () => {
  let asked = 0;
  const { ask } = start(
    servedModel("passing", graph, async (given) => {
      asked++;
      return await passOn(given);
    }),
  );
  const refused = (changes: Partial<InferenceRequest>, code: string) =>
    expect(ask(changes)).rejects.toMatchObject({ code });
  await refused({ outputs: ["a_out", "a_out"] }, "REQUEST_INVALID");
  await refused({ outputs: ["b_out"] }, "TENSOR_UNKNOWN");
  await refused({ inputs: { a: inputs.a } }, "TENSOR_UNKNOWN");
  await refused({ inputs: { ...inputs, b: inputs.a } }, "TENSOR_UNKNOWN");
  await refused({ inputs: { ...inputs, a: bytes(1) } }, "TENSOR_SHAPE_MISMATCH");
  await refused(
    { inputs: { ...inputs, a: { ...inputs.a, dataType: "int8" } } },
    "TENSOR_TYPE_MISMATCH",
  );
  expect(asked).toBe(0);
});

test("an idempotency key and a deadline reach the model; the client's own id does not", async () => {
  const given: unknown[] = [];
  const { ask } = start(
    servedModel("passing", graph, async (values, { id, deadlineSeconds }) => {
      given.push([id, deadlineSeconds]);
      return await passOn(values);
    }),
  );
  await ask();
  await ask({ idempotencyKey: "once", deadlineSeconds: 3 });
  expect(given).toEqual([
    [undefined, null],
    ["once", 3],
  ]);
});

test("an observer sees what came, what it took, and what became of it, each once", async () => {
  const { service, seen, clock } = start();
  const wait = (duration: number) => clock.advance(seconds(duration));
  let reading: Promise<void> = Promise.resolve();
  await service.infer(
    call,
    () => {
      reading = wait(2);
      return request;
    },
    () => undefined,
  );
  await reading;
  expect(seen).toHaveLength(1);
  const { version, id, inputBytes, traceparent, protocol } = seen[0]?.arrival ?? {};
  expect([version, id, inputBytes, traceparent, protocol]).toEqual([
    "1",
    "mine",
    3,
    "00-from-outside",
    "http",
  ]);
  expect(seen[0]?.departures).toMatchObject([{ outputBytes: 3, outcome: { type: "answered" } }]);
});

test("a request that cannot be read, answered or written is seen as failed, once", async () => {
  const failure = new CodedError("REQUEST_INVALID", "no");
  const fail = () => {
    throw failure;
  };
  const { service, seen } = start();
  await expect(service.infer(call, fail, () => 0)).rejects.toBe(failure);
  await expect(service.infer(call, () => request, fail)).rejects.toBe(failure);
  const broken = start(servedModel("passing", graph, async () => fail()));
  await expect(broken.ask()).rejects.toBe(failure);
  const ends = [...seen, ...broken.seen].map(({ departures }) =>
    departures.map(({ outcome }) => outcome),
  );
  expect(ends).toMatchObject([
    [{ type: "failed", code: "REQUEST_INVALID", message: "no" }],
    [{ type: "failed", code: "REQUEST_INVALID", message: "no" }],
    [{ type: "failed", code: "REQUEST_INVALID", message: "no" }],
  ]);
});

test("names of models that nobody gave reach no observer, and nothing is read for them", async () => {
  const { ask, seen, service } = start();
  await expect(ask({}, { model: "other" })).rejects.toMatchObject({ code: "MODEL_UNKNOWN" });
  await expect(ask({}, { version: "2" })).rejects.toMatchObject({ code: "MODEL_UNKNOWN" });
  const read = () => {
    throw new Error("it was read");
  };
  await expect(service.infer({ ...call, model: "x" }, read, () => 0)).rejects.toMatchObject({
    code: "MODEL_UNKNOWN",
  });
  expect(seen).toEqual([]);
});

test("a model that was unloaded is not ready, and is again when it is loaded", async () => {
  const { ask, repository, service, seen } = start();
  await repository.unload("passing");
  expect(service.isReady).toBe(false);
  await expect(ask()).rejects.toMatchObject({ code: "MODEL_NOT_READY" });
  expect(seen[0]?.departures[0]?.outcome).toMatchObject({ code: "MODEL_NOT_READY" });
  await repository.load("passing");
  expect(service.isReady).toBe(true);
  await expect(ask()).resolves.toBeDefined();
});

test("is ready when all has begun that is served from the beginning on, whatever is loaded later", () => {
  const isReady = (isStarting: boolean, ...states: ModelState[]) => {
    const { repository: loaded, clock } = start();
    const entries = states.map((state, at) => ({ name: `${at}`, version: "1", state, reason: "" }));
    const repository = Object.assign(loaded, { isStarting, index: () => entries });
    return new InferenceService({ repository, observers: [], clock, calendar: () => 0 }).isReady;
  };
  expect(isReady(true, "READY", "LOADING")).toBe(false);
  expect(isReady(false, "READY", "LOADING")).toBe(true);
  expect(isReady(false, "UNAVAILABLE", "LOADING")).toBe(false);
});

test("draining answers what was taken, and takes nothing new", async () => {
  const answers: (() => void)[] = [];
  const { ask, service } = start(
    servedModel("passing", graph, async (given) => {
      await new Promise<void>((resolve) => answers.push(resolve));
      return await passOn(given);
    }),
  );
  const taken = [ask(), ask()];
  let isDrained = false;
  const drained = [service.drain(seconds(9)), service.drain(seconds(9))].map((drain) =>
    drain.then(() => {
      isDrained = true;
    }),
  );
  expect(service.isReady).toBe(false);
  await expect(ask()).rejects.toMatchObject({ code: "MODEL_NOT_READY" });
  answers.shift()?.();
  await taken[0];
  expect(isDrained).toBe(false);
  answers.shift()?.();
  await Promise.all([...taken, ...drained]);
  await service.drain(seconds(9));
});

test("what is not answered within the limit of draining is given up, and says why", async () => {
  const { ask, service, clock, seen } = start(servedModel("passing", graph, neverAnswer));
  const asked = ask();
  const refused = expect(asked).rejects.toMatchObject({ code: "MODEL_NOT_READY" });
  const drained = service.drain(seconds(9));
  await clock.advance(seconds(8));
  expect(seen[0]?.departures).toEqual([]);
  await clock.advance(seconds(1));
  await Promise.all([drained, refused]);
  expect(seen[0]?.departures).toMatchObject([{ outcome: { code: "MODEL_NOT_READY" } }]);
});

test("a request that is given up ends with the signal's reason", async () => {
  const { ask } = start(servedModel("passing", graph, neverAnswer));
  const gone = new AbortController();
  const asked = ask({}, { signal: gone.signal });
  const reason = new CodedError("CHANNEL_CLOSED", "gone");
  gone.abort(reason);
  await expect(asked).rejects.toBe(reason);
});

test("statistics count what became of the requests of a model", async () => {
  const { ask, service, repository } = start();
  await ask();
  await ask({ outputs: ["7_out"] });
  await expect(ask({ outputs: ["x"] })).rejects.toThrow();
  const [figures] = service.statistics.of(repository, "passing");
  expect(figures).toMatchObject({
    name: "passing",
    version: "1",
    last_inference: 1_700_000_000_000,
    inference_count: 2,
    execution_count: 2,
    inference_stats: {
      success: { count: 2 },
      fail: { count: 1 },
      queue: { count: 2, ns: 500_000_000 },
      compute_infer: { count: 2, ns: 1_000_000_000 },
      compute_output: { count: 2 },
      cache_hit: { count: 0, ns: 0 },
      cache_miss: { count: 0, ns: 0 },
    },
    batch_stats: [{ batch_size: 1, compute_infer: { count: 2, ns: 1_000_000_000 } }],
  });
  expect(service.statistics.of(repository)).toHaveLength(1);
  expect(() => service.statistics.of(repository, "other")).toThrow(/no model 'other'/);
});

test("statistics count requests that were joined as one run together, by how many rows it had", () => {
  const { service, repository } = start();
  const joined = { ...timings, joined: { request: 42, requests: 3, rows: 5 } };
  const inference = { request: 42, outputs: {}, timings: joined };
  for (const rows of [1, 1, 3]) {
    const observation = service.statistics.begun({ ...arrival, model: "passing" });
    observation.ended({ ...answered, outcome: { type: "answered", inference, rows } });
  }
  const run = { count: 1, ns: 1e9 * timings.totalSeconds };
  expect(service.statistics.of(repository, "passing")).toMatchObject([
    {
      ...{ inference_count: 5, execution_count: 1 },
      batch_stats: [{ batch_size: 5, compute_input: { count: 1 }, compute_infer: run }],
    },
  ]);
});

test("statistics tell few sizes apart, whatever clients ask for: large ones by powers of two", () => {
  const { service, repository } = start();
  const inference = { request: 42, outputs: {}, timings };
  for (let rows = 1; rows <= 1000; rows++) {
    const observation = service.statistics.begun({ ...arrival, model: "passing" });
    observation.ended({ ...answered, outcome: { type: "answered", inference, rows } });
  }
  const [of] = service.statistics.of(repository, "passing");
  const sizes = of?.batch_stats.map((batch) => [batch.batch_size, batch.compute_infer.count]);
  expect(sizes?.slice(62)).toEqual([
    [63, 1],
    [64, 1],
    [128, 64],
    [256, 128],
    [512, 256],
    [1024, 488],
  ]);
  expect([of?.execution_count, of?.inference_count]).toEqual([1000, 500_500]);
});

test("a request of several rows along an open first axis counts as so many inferences", async () => {
  const open = passingModel({ x: { dataType: "uint8", shape: ["N", 2] } });
  const { ask, service, repository } = start(servedModel("passing", open, passOn));
  for (const rows of [3, 1, 3]) {
    const data = new Uint8Array(2 * rows);
    await ask({ inputs: { x: { dataType: "uint8", shape: [rows, 2], data } } });
  }
  expect(service.statistics.of(repository, "passing")).toMatchObject([
    {
      ...{ inference_count: 7, execution_count: 3, inference_stats: { success: { count: 3 } } },
      batch_stats: [
        { batch_size: 1, compute_infer: { count: 1 } },
        { batch_size: 3, compute_infer: { count: 2 } },
      ],
    },
  ]);
});

test("an input that is called as what every object inherits is missed when it is not there", async () => {
  for (const name of ["toString", "__proto__", "constructor"]) {
    const strange = passingModel({ [name]: { dataType: "uint8", shape: [2] } });
    const { ask } = start(servedModel("passing", strange, passOn));
    await expect(ask({ inputs: {} })).rejects.toMatchObject({ code: "TENSOR_UNKNOWN" });
    const given = Object.fromEntries([[name, bytes(1, 2)]]);
    expect((await ask({ inputs: given })).outputs).toMatchObject([{ value: bytes(1, 2) }]);
  }
});

test("a model whose devices are lost is not ready, nor is one that there is not", () => {
  const { service, repository } = start();
  const away = { name: "passing", version: "1", state: "UNAVAILABLE", reason: "lost" } as const;
  const waiting = new InferenceService({
    repository: {
      isStarting: false,
      index: () => [away],
      find: (name) => repository.find(name),
      load: (name) => repository.load(name),
      unload: (name) => repository.unload(name),
    },
    observers: [],
    clock: createVirtualClock({ settle: async () => undefined }),
    calendar: () => 0,
  });
  expect([service.isModelReady("passing"), waiting.isModelReady("passing")]).toEqual([true, false]);
  expect([service.isModelReady("passing", "2"), service.isModelReady("other")]).toEqual([
    false,
    false,
  ]);
});
