import Fastify from "fastify";
import { expect, test } from "vitest";
import {
  answered,
  arrival,
  clusterStatus,
  failed,
  timings,
} from "../../../test/fixtures/observed.ts";
import type { ClusterStatus } from "../../cluster/status.ts";
import { Metrics } from "./metrics.node.ts";
import { metricsRoutes } from "./metrics-routes.node.ts";

const model = 'model="squeezenet"';
const ofRequest = `${model},version="1"`;

/** Metrics whose clusters can be changed, and what a page says of each series. */
function start() {
  const statuses = new Map<string, ClusterStatus>();
  const metrics = new Metrics(() => statuses);
  const series = async (page: "page" | "tritonPage" = "page"): Promise<Map<string, number>> => {
    const lines = (await metrics[page]()).text.split("\n");
    const samples = lines.filter((line) => line !== "" && !line.startsWith("#"));
    return new Map(
      samples.map((line) => {
        const end = line.lastIndexOf(" ");
        return [line.slice(0, end), Number(line.slice(end + 1))];
      }),
    );
  };
  return { metrics, statuses, series };
}

test("a request in flight is counted until it ends, and then where its time went", async () => {
  const { metrics, series } = start();
  const observation = metrics.begun(arrival);
  const during = await series();
  const inFlight = `partita_requests_in_flight{${ofRequest},protocol="http"}`;
  expect(during.get(inFlight)).toBe(1);
  expect(during.get(`partita_request_input_bytes_total{${ofRequest},protocol="http"}`)).toBe(600);
  observation.ended(answered);
  const after = await series();
  expect(after.get(inFlight)).toBe(0);
  const sums = [
    [`partita_request_duration_seconds_sum{${ofRequest},protocol="http"}`, 0.32],
    [`partita_request_read_seconds_sum{${ofRequest}}`, 0.001],
    [`partita_request_wait_seconds_sum{${ofRequest}}`, 0.2],
    [`partita_request_run_seconds_sum{${ofRequest}}`, 0.11],
    [`partita_request_write_seconds_sum{${ofRequest}}`, 0.002],
    [`partita_request_output_bytes_total{${ofRequest},protocol="http"}`, 40],
    [`partita_stage_queue_seconds_sum{${ofRequest},stage="s0",device="camera"}`, 0.01],
    [`partita_stage_compute_seconds_sum{${ofRequest},stage="s0",device="camera"}`, 0.018],
    [`partita_stage_busy_seconds_sum{${ofRequest},stage="s1",device="cloud"}`, 0.02],
    [`partita_hop_encode_seconds_sum{${ofRequest},from="camera",to="cloud"}`, 0.004],
    [`partita_hop_queue_seconds_sum{${ofRequest},from="camera",to="cloud"}`, 0.006],
    [`partita_hop_send_seconds_sum{${ofRequest},from="cloud",to="camera"}`, 0.015],
    [`partita_hop_bytes_total{${ofRequest},from="camera",to="cloud"}`, 4000],
  ] as const;
  expect(sums.map(([name]) => [name, after.get(name)])).toEqual(sums);
});

test("a latency counts in every bucket that it is not above", async () => {
  const { metrics, series } = start();
  metrics.begun(arrival).ended(answered);
  const page = await series();
  const bucket = (le: string) =>
    page.get(`partita_request_duration_seconds_bucket{le="${le}",${ofRequest},protocol="http"}`);
  expect(["0.25", "0.5", "+Inf"].map(bucket)).toEqual([0, 1, 1]);
});

test("a request that fails counts under its code, and in no latency", async () => {
  const { metrics, series } = start();
  metrics.begun({ ...arrival, protocol: "grpc" }).ended(failed("DEVICE_LOST"));
  const page = await series();
  const labels = `${ofRequest},protocol="grpc"`;
  expect(page.get(`partita_request_failures_total{${labels},code="DEVICE_LOST"}`)).toBe(1);
  expect(page.get(`partita_requests_in_flight{${labels}}`)).toBe(0);
  expect([...page.keys()].filter((name) => name.includes("request_duration"))).toEqual([]);
});

test("Triton's names count the same requests in microseconds, on a page of their own", async () => {
  const { metrics, series } = start();
  for (const departure of [answered, answered, failed("RUNTIME_FAILED"), failed("DEVICE_LOST")]) {
    metrics.begun(arrival).ended(departure);
  }
  metrics.begun(arrival).ended(failed("REQUEST_INVALID"));
  metrics.begun(arrival);
  expect(Object.fromEntries(await series("tritonPage"))).toEqual({
    [`nv_inference_request_success{${ofRequest}}`]: 2,
    [`nv_inference_request_failure{${ofRequest},reason="BACKEND"}`]: 1,
    [`nv_inference_request_failure{${ofRequest},reason="REJECTED"}`]: 1,
    [`nv_inference_request_failure{${ofRequest},reason="OTHER"}`]: 1,
    [`nv_inference_count{${ofRequest}}`]: 2,
    [`nv_inference_exec_count{${ofRequest}}`]: 2,
    [`nv_inference_pending_request_count{${ofRequest}}`]: 1,
    [`nv_inference_request_duration_us{${ofRequest}}`]: 640_000,
    [`nv_inference_queue_duration_us{${ofRequest}}`]: 400_000,
    [`nv_inference_compute_input_duration_us{${ofRequest}}`]: 2000,
    [`nv_inference_compute_infer_duration_us{${ofRequest}}`]: 220_000,
    [`nv_inference_compute_output_duration_us{${ofRequest}}`]: 4000,
  });
  expect([...(await series()).keys()].filter((name) => name.startsWith("nv_"))).toEqual([]);
});

test("requests that were joined count as one run together", async () => {
  const { metrics, series } = start();
  const inference = {
    ...{ request: 42, outputs: {} },
    timings: { ...timings, joined: { request: 42, requests: 4, rows: 8 } },
  };
  for (let of = 0; of < 4; of++) {
    const outcome = { type: "answered", inference, rows: 2 } as const;
    metrics.begun(arrival).ended({ ...answered, outcome });
  }
  const counted = await series("tritonPage");
  expect(counted.get(`nv_inference_count{${ofRequest}}`)).toBe(8);
  expect(counted.get(`nv_inference_exec_count{${ofRequest}}`)).toBe(1);
});

test("tells how clusters stand: what is up, what is claimed, what was measured", async () => {
  const { statuses, series } = start();
  statuses.set("squeezenet", clusterStatus);
  const page = await series();
  const told = [...page].filter(([name]) => /partita_(cluster|device|link|stage|hop)_/.test(name));
  expect(Object.fromEntries(told)).toEqual({
    [`partita_cluster_phase{${model},phase="waiting"}`]: 0,
    [`partita_cluster_phase{${model},phase="serving"}`]: 1,
    [`partita_cluster_phase{${model},phase="suspended"}`]: 0,
    [`partita_cluster_phase{${model},phase="ended"}`]: 0,
    [`partita_cluster_generation{${model}}`]: 3,
    [`partita_cluster_predicted_latency_seconds{${model}}`]: 0.1,
    [`partita_cluster_predicted_period_seconds{${model}}`]: 0.03,
    [`partita_cluster_requests_in_flight{${model}}`]: 2,
    [`partita_cluster_requests_waiting{${model}}`]: 1,
    [`partita_cluster_requests_answered_total{${model}}`]: 30,
    [`partita_cluster_requests_failed_total{${model}}`]: 1,
    [`partita_cluster_requests_replayed_total{${model}}`]: 2,
    [`partita_cluster_faults_total{${model}}`]: 3,
    [`partita_cluster_failovers_total{${model}}`]: 2,
    [`partita_cluster_switches_total{${model}}`]: 1,
    [`partita_device_up{${model},device="camera"}`]: 1,
    [`partita_device_up{${model},device="cloud"}`]: 0,
    [`partita_device_silent_seconds{${model},device="camera"}`]: 0.25,
    [`partita_device_requests_in_flight{${model},device="camera"}`]: 2,
    [`partita_device_requests_in_flight{${model},device="cloud"}`]: 0,
    [`partita_device_held_bytes{${model},device="camera"}`]: 1200,
    [`partita_device_held_bytes{${model},device="cloud"}`]: 0,
    [`partita_device_stated_speed_ratio{${model},device="camera"}`]: 1,
    [`partita_device_stated_speed_ratio{${model},device="cloud"}`]: 4,
    [`partita_device_measured_speed_ratio{${model},device="camera"}`]: 0.9,
    [`partita_link_up{${model},from="camera",to="cloud"}`]: 0,
    [`partita_link_tunnelled{${model},from="camera",to="cloud"}`]: 0,
    [`partita_link_stated_bytes_per_second{${model},from="camera",to="cloud"}`]: 1e6,
    [`partita_link_measured_bytes_per_second{${model},from="camera",to="cloud"}`]: 5e5,
    [`partita_stage_predicted_seconds{${model},stage="s0",device="camera"}`]: 0.02,
    [`partita_stage_predicted_seconds{${model},stage="s1",device="cloud"}`]: 0.03,
    [`partita_hop_predicted_seconds{${model},from="camera",to="cloud"}`]: 0.04,
    [`partita_hop_predicted_bytes{${model},from="camera",to="cloud"}`]: 4000,
  });
});

test("what a cluster does not say any more is gone, and totals are not added up again", async () => {
  const { statuses, series } = start();
  statuses.set("squeezenet", clusterStatus);
  await series();
  statuses.set("squeezenet", { ...clusterStatus, phase: "waiting", serving: null, faults: 4 });
  const page = await series();
  expect(page.get(`partita_cluster_faults_total{${model}}`)).toBe(4);
  expect(page.get(`partita_cluster_phase{${model},phase="serving"}`)).toBe(0);
  expect(page.has(`partita_cluster_generation{${model}}`)).toBe(false);
  expect([...page.keys()].filter((name) => name.includes("predicted"))).toEqual([]);
  statuses.clear();
  expect([...(await series()).keys()].filter((name) => name.includes(model))).toEqual([]);
});

test("counts events by their types, and the bytes of parts that devices were sent", async () => {
  const { metrics, series } = start();
  metrics.happened("squeezenet", { type: "left", device: "cloud", why: "silent", atSeconds: 1 });
  for (const bytes of [100, 20]) {
    metrics.happened("squeezenet", { type: "sending", device: "camera", bytes, atSeconds: 2 });
  }
  const page = await series();
  expect(page.get(`partita_cluster_events_total{${model},type="left"}`)).toBe(1);
  expect(page.get(`partita_cluster_events_total{${model},type="sending"}`)).toBe(2);
  expect(page.get(`partita_parts_sent_bytes_total{${model},device="camera"}`)).toBe(120);
});

test("two servers in a process do not count each other's requests", async () => {
  const [one, other] = [start(), start()];
  one.metrics.begun(arrival).ended(answered);
  const counted = [...(await other.series()).keys()].filter((name) => name.includes(model));
  expect(counted).toEqual([]);
});

test("a server shows both pages as Prometheus reads them", async () => {
  const { metrics } = start();
  await using app = Fastify();
  metricsRoutes(metrics)(app);
  metrics.begun(arrival).ended(answered);
  const [own, triton] = await Promise.all(
    ["/metrics", "/metrics/triton"].map((url) => app.inject({ url })),
  );
  expect(own?.headers["content-type"]).toBe("text/plain; version=0.0.4; charset=utf-8");
  expect(own?.body).toContain("# TYPE partita_request_duration_seconds histogram");
  expect(own?.body).toContain("process_resident_memory_bytes");
  expect(triton?.body).toContain("# TYPE nv_inference_count counter");
});
