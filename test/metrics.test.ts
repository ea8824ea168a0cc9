import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type Exposition, Metrics } from "../src/server/metrics/metrics.node.ts";
import { debianPackage } from "./debian-package.ts";
import { temporaryFolder } from "./fixtures/authority.ts";
import { answered, arrival, clusterStatus, failed, timings } from "./fixtures/observed.ts";

interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly labels: readonly string[];
}

/** Names that a dashboard or a user may choose, and Prometheus has to quote. */
const strange = 'a "quoted"\\ name\nin two lines ☃';

/** Metrics of which every one has been told something. */
function full(model = "squeezenet"): Metrics {
  const metrics = new Metrics(() => new Map([[model, clusterStatus]]));
  metrics.begun({ ...arrival, model }).ended(answered);
  metrics.begun({ ...arrival, model, protocol: "grpc" }).ended(failed("DEVICE_LOST"));
  metrics.happened(model, { type: "sending", device: "camera", bytes: 100, atSeconds: 1 });
  return metrics;
}

/** What a page tells, with the labels that its series have. */
function familiesOf({ text }: Exposition): readonly Family[] {
  return text.split("# HELP ").flatMap((block) => {
    const [head = "", ...lines] = block.split("\n");
    const [, name, help] = /^(\S+) (.+)$/.exec(head) ?? [];
    if (name === undefined || help === undefined) return [];
    const type = /^# TYPE \S+ (\w+)$/m.exec(block)?.[1] ?? "untyped";
    const labels = lines.flatMap((line) =>
      [...line.matchAll(/[{,](\w+)="/g)].map(([, label = ""]) => label),
    );
    return [{ name, type, help, labels: [...new Set(labels)].filter((label) => label !== "le") }];
  });
}

/** Runs Prometheus' own tool. */
async function promtool(words: readonly string[], input = "") {
  const program = join(await debianPackage("prometheus"), "usr/bin/promtool");
  const { status, stdout, stderr } = spawnSync(program, words, { input, encoding: "utf8" });
  return { status, said: `${stdout}${stderr}` };
}

test("promtool finds nothing wrong with what Prometheus is told, whatever models are called", async () => {
  const metrics = full(strange);
  const stages = timings.stages.map((stage) => ({ ...stage, device: strange }));
  const inference = { request: 1, outputs: {}, timings: { ...timings, stages } };
  metrics.begun(arrival).ended({ ...answered, outcome: { type: "answered", inference, rows: 1 } });
  const { text } = await metrics.page();
  expect(await promtool(["check", "metrics"], text)).toEqual({ status: 0, said: "" });
});

test("promtool reads Triton's names, and finds nothing wrong but the names themselves", async () => {
  const { text } = await full(strange).tritonPage();
  const { said } = await promtool(["check", "metrics"], text);
  const complaints = said.trim().split("\n");
  expect(complaints.length).toBeGreaterThan(0);
  for (const complaint of complaints) {
    expect(complaint).toMatch(/^nv_\w+ .*(suffix|abbreviated units)$/);
  }
});

interface Panel {
  readonly title: string;
  readonly description?: string;
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

interface Dashboard {
  readonly panels: readonly Panel[];
  readonly annotations: {
    readonly list: readonly { readonly expr: string; readonly titleFormat: string }[];
  };
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly query: unknown }[];
  };
}

const dashboard = JSON.parse(readFileSync("docs/grafana/partita.json", "utf8")) as Dashboard;
const queries = [
  ...dashboard.panels.flatMap(({ targets = [] }) =>
    targets.map(({ expr, legendFormat }) => ({ expr, legend: legendFormat })),
  ),
  ...dashboard.annotations.list.map(({ expr, titleFormat }) => ({ expr, legend: titleFormat })),
];

/** Names of metrics in a query, without what histograms add. */
function metricsIn(expr: string): readonly string[] {
  const names = expr.match(/\b(partita|process|nodejs)_\w+/g) ?? [];
  return names.map((name) =>
    /^partita_\w+_seconds_(bucket|count|sum)$/.test(name) ? name.replace(/_[a-z]+$/, "") : name,
  );
}

test("every metric and label that the dashboard asks for exists", async () => {
  const families = new Map(familiesOf(await full().page()).map((family) => [family.name, family]));
  for (const { expr, legend } of queries) {
    const asked = metricsIn(expr);
    expect(asked, expr).not.toEqual([]);
    // What Prometheus itself adds.
    const known = ["le", "instance"];
    for (const name of asked) {
      expect([...families.keys()], expr).toContain(name);
      known.push(...(families.get(name)?.labels ?? []));
    }
    const grouped = [...expr.matchAll(/by \(([^)]+)\)/g)].flatMap(([, list = ""]) =>
      list.split(", "),
    );
    const matched = [...expr.matchAll(/[{,] ?(\w+)=~?"/g)].map(([, label]) => label);
    const shown = [...legend.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label);
    expect(known, expr).toEqual(expect.arrayContaining([...grouped, ...matched, ...shown]));
  }
  const variable = dashboard.templating.list.find(({ name }) => name === "model");
  expect(variable?.query).toMatchObject({ query: "label_values(partita_cluster_phase, model)" });
});

test("the dashboard shows every metric of ours, but two that say little beside others", async () => {
  const shown = new Set(queries.flatMap(({ expr }) => metricsIn(expr)));
  const missing = familiesOf(await full().page())
    .map(({ name }) => name)
    .filter((name) => name.startsWith("partita_") && !shown.has(name));
  expect(missing.sort()).toEqual(["partita_hop_predicted_bytes", "partita_stage_compute_seconds"]);
});

test("every query of the dashboard is one that Prometheus understands", async () => {
  const rules = queries.map(({ expr }, at) => ({
    record: `query_${at}`,
    expr: expr.replaceAll("$__rate_interval", "1m").replaceAll("$model", ".*"),
  }));
  const file = join(temporaryFolder(), "rules.yaml");
  writeFileSync(file, JSON.stringify({ groups: [{ name: "dashboard", rules }] }));
  const { status, said } = await promtool(["check", "rules", file]);
  expect(said).toContain(`SUCCESS: ${queries.length} rules found`);
  expect(status).toBe(0);
});

function rowsOf(families: readonly Family[]): readonly string[] {
  return families.map(({ name, type, labels, help }) => {
    const named = labels.map((label) => `\`${label}\``).join(", ");
    return `| \`${name}\` | ${type} | ${named} | ${help}. |`;
  });
}

test("the page of metrics has every one, with its labels", async () => {
  const metrics = full();
  const own = familiesOf(await metrics.page()).filter(({ name }) => name.startsWith("partita_"));
  const triton = familiesOf(await metrics.tritonPage());
  const header = ["| metric | type | labels | meaning |", "|---|---|---|---|"];
  const page = [
    "# Metrics",
    "",
    "Generated from `src/server/metrics` by `npx vitest run test/metrics.test.ts --update`; do not edit.",
    "",
    "`partita serve` tells [Prometheus](https://prometheus.io) how requests go, where their time goes, and how the clusters stand that answer",
    "them, at `GET /metrics`. Times are in seconds, sizes in bytes; latencies are histograms from 0.5 ms to 60 s. Nobody has to show a token: let",
    "nobody reach the address who should not read names of models and devices. `promtool check metrics` passes.",
    "",
    "```yaml",
    "scrape_configs:",
    "  - job_name: partita",
    '    static_configs: [{ targets: ["127.0.0.1:8000"] }]',
    "```",
    "",
    "[A dashboard for Grafana](../grafana/partita.json) shows them: import the file and choose the data source. `model` is the name under which a",
    "model is served, `version` its version, `protocol` how it was asked, `code` one of the [error codes](errors.md), `type` one of the",
    "[events](events.md); a link leads `from` a device `to` another. Requests for models that nobody has are not counted.",
    "",
    ...header,
    ...rowsOf(own),
    "",
    "What `partita_cluster_`, `partita_device_` and `partita_link_` metrics tell is what [status](events.md#status) says at that moment; one that is not known yet is",
    "left out. Totals of a cluster begin at 0 when its coordinator is started. Beside them stand `process_` and `nodejs_` metrics of the serving",
    "process: memory, processor, open files, event loop, garbage collection.",
    "",
    "## Triton's names",
    "",
    "`GET /metrics/triton` tells requests under the names that Triton Inference Server has for them, so that dashboards made for it go on: add it as a",
    "job with `metrics_path: /metrics/triton`. They are microseconds and counters without `_total`, which Prometheus advises against; this is why they have",
    "a page of their own. Cache, memory and GPU metrics of Triton have no counterpart.",
    "",
    ...header,
    ...rowsOf(triton),
    "",
  ].join("\n");
  await expect(page).toMatchFileSnapshot("../docs/reference/metrics.md");
});
