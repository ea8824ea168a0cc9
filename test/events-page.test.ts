import { expect, test } from "vitest";
import { z } from "zod";
import type { ClusterEvent, ClusterStatus } from "../src/cluster/status.ts";
import { watchSchemas } from "../src/cluster/watch-schema.ts";

/** What each event means; a type that is missing here is a compile error. */
const meanings: Readonly<Record<ClusterEvent["type"], string>> = {
  joined: "A device has joined, or joined again; `address` is where the others dial it.",
  left: "A device is lost: its channel has ended, or it was silent for too long; `why` says which.",
  linkDown: "Two devices that are both here cannot reach each other; plans do without this link.",
  linkUp: "They can again.",
  sending: "A device is sent so many bytes of parts and weights that it did not have.",
  preparing: "Parts of a new generation are handed out; `cause`: the first, a loss, a drift.",
  serving: "From now on new requests go into this generation.",
  drained: "A generation that was replaced has answered its last request.",
  retired: "A generation is over, and devices have let go of what it held.",
  suspended: "Requests are refused with this error until the named device is back.",
  unsaved:
    "The coordinator's journal could not be written, with the reason; the cluster goes on, and it is tried again at each heartbeat. A coordinator that is restarted meanwhile may interrupt what runs.",
  noPlan: "Nothing fits what is left of the topology; requests wait.",
  drift:
    "What was measured differs from what is stated, and another plan would save the share `gain`; `taken`: it is gone over to.",
  ended: "The cluster is shut down: in order (`null`), or for this error.",
};

/** What each field of a status means; one that is missing here is a compile error. */
const statusMeanings: Readonly<Record<keyof ClusterStatus, string>> = {
  format: "`partita.status/1`",
  model: "The name of the graph that is run.",
  phase:
    "`waiting` (for devices, or for a plan that fits), `serving`, `suspended` (without its source or sink), `ended`.",
  why: "Why it does not serve; `null` while it does.",
  upSeconds: "Since the coordinator was started.",
  calendarSeconds: "The coordinator's calendar, in seconds since 1970.",
  emulated: "Whether speeds and links are imitated.",
  heartbeatSeconds: "How often devices must be heard.",
  missedHeartbeats: "A device is lost that misses more.",
  serving: "The generation that new requests go into.",
  generations:
    "Every one that is not over: its plan (`planner`, `objective`, `predictedLatencySeconds`, `predictedPeriodSeconds`), `state`, `cause`, its `stages` (device, or devices that run it together, nodes, predicted and measured seconds of one request, of the slowest device), and its `hops` (what a request sends over each link: tensors, bytes, predicted seconds).",
  devices:
    "Of the topology: `state`, `role`, `why` one is away or not used, addresses, runtime, cores, memory, speed as stated and by the benchmark, seconds since it was heard, requests and bytes that it holds.",
  links:
    "Of the topology: `state`, `tunnelled` (through the coordinator), latency and bandwidth as stated, bandwidth as measured from real transfers; `null` while none was large enough to tell.",
  requests:
    "Answered, failed, replayed after a loss, in flight and waiting; over the last heartbeats the mean latency and the rate.",
  faults: "Devices and links lost so far.",
  failovers: "Generations that took over after a loss.",
  switches: "Generations that took over because they are better.",
  fallbacks: "The losses for which a plan is prepared.",
};

interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly const?: string;
  readonly enum?: readonly string[];
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
}

function variants(): readonly JsonSchema[] {
  const message = z.toJSONSchema(watchSchemas.event, { io: "input" }) as JsonSchema;
  const event = message.properties?.["body"]?.properties?.["event"];
  return event?.oneOf ?? event?.anyOf ?? [];
}

function typesOf({ properties }: JsonSchema): readonly string[] {
  const type = properties?.["type"];
  return type?.enum ?? [type?.const ?? ""];
}

function describe(schema: JsonSchema): string {
  if (schema.properties !== undefined) return "error";
  if (schema.anyOf !== undefined) return schema.anyOf.map(describe).join(" or ");
  return String(schema.type);
}

function fields({ properties = {} }: JsonSchema): string {
  return Object.entries(properties)
    .filter(([name]) => name !== "type" && name !== "atSeconds")
    .map(([name, schema]) => `\`${name}\` ${describe(schema)}`)
    .join(", ");
}

test("the page of events has every event that a coordinator may send, with its fields", async () => {
  const rows = variants().flatMap((variant) =>
    typesOf(variant).map(
      (type) => `| \`${type}\` | ${fields(variant)} | ${meanings[type as ClusterEvent["type"]]} |`,
    ),
  );
  expect(rows).toHaveLength(Object.keys(meanings).length);
  const page = [
    "# Events of a cluster",
    "",
    "Generated from `src/cluster/watch-schema.ts` by `npx vitest run test/events-page.test.ts --update`; do not edit.",
    "",
    'What happens in a cluster, one JSON object each: `{ "type", "atSeconds", … }`. `atSeconds` is the moment on the coordinator\'s',
    "clock, in seconds since it started. They come, in order, from",
    "",
    "- `partita status --to HOST:PORT --token T --follow --json`, one a line, from now on;",
    "- `partita coordinator … --json` and its `--log FILE` (there with `time`, `process` and `level`, and `event` instead of `type`);",
    "- `GET /v1/events` of a coordinator with `--http HOST:PORT`: server-sent events, with the type as name and a number as id. A client that",
    "  comes back with `Last-Event-ID` gets what it missed, of the last 1024. Once a second there is an event `status` beside, with the document of",
    "  `GET /v1/status`. Both want `Authorization: Bearer SECRET` or `?token=SECRET`: what stands in front of the token's dot.",
    "",
    "| type | fields | meaning |",
    "|---|---|---|",
    ...rows,
    "",
    'An error is `{ "code", "message", "details" }`, see [error codes](errors.md). New types and new fields may be added: pass over what you do not know.',
    "",
    "## Status",
    "",
    "`partita status --once --json` and `GET /v1/status` give one document; [its schema](schemas/status.schema.json), and [that of an event](schemas/event.schema.json), are published. `null`: not known yet.",
    "",
    "| field | meaning |",
    "|---|---|",
    ...Object.entries(statusMeanings).map(([field, meaning]) => `| \`${field}\` | ${meaning} |`),
    "",
  ].join("\n");
  await expect(page).toMatchFileSnapshot("../docs/reference/events.md");
});
