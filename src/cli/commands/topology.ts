import { stat } from "node:fs/promises";
import { Document, isCollection, isSeq } from "yaml";
import { systemClock } from "../../base/clock.node.ts";
import { CodedError } from "../../base/errors.ts";
import { formatQuantity } from "../../base/units.ts";
import { readTopology } from "../../cost/topology-file.ts";
import { tcpTransport } from "../../transport/tcp.node.ts";
import { type Command, defineCommand, flag, needed, quantity, text, usage } from "../command.ts";
import { writeWhole } from "../files.ts";
import { type MeasuredLink, mostSeconds, probeBetween, refuseClusterToken } from "../link-probe.ts";
import { showProgress } from "../print/progress.ts";
import { formatTable } from "../print/table.ts";
import { demandToken, tokenOption } from "../token-option.ts";

interface Place {
  readonly name: string;
  readonly address: string;
}

interface NamedLink extends MeasuredLink {
  readonly from: string;
  readonly to: string;
}

/** `partita topology measure NAME=HOST:PORT … -o FILE`. */
export const topology: Command = defineCommand({
  summary: "measure the links between agents that listen, and write them as a topology",
  arguments: [
    { syntax: "<action>", summary: "measure" },
    { syntax: "<agents...>", summary: "NAME=HOST:PORT of two or more; the first is the source" },
  ],
  options: {
    token: tokenOption("as the agents were started with"),
    output: text("-o, --output <file>", "where to write the topology"),
    seconds: quantity(
      "--time <2 s>",
      "how long bytes are sent in each direction (default 2 s)",
      "s",
    ),
    force: flag("--force", "write over a file that exists"),
  },
  examples: [
    "partita agent --listen 10.0.0.2:7001 --token T        (on each machine)",
    "partita topology measure camera=10.0.0.2:7001 cloud=10.0.0.3:7001 --token T -o home.yaml",
  ],
  run: async ({ arguments: [action, ...agents], options, terminal, signal }) => {
    if (action !== "measure") throw usage(`topology can only measure, not "${action}"`);
    const places = agents.map(readPlace);
    if (places.length < 2) throw usage("name two agents or more: NAME=HOST:PORT");
    const file = needed(options.output, "-o FILE", "where to write the topology");
    const { seconds = 2 } = options;
    if (!(seconds > 0 && seconds <= mostSeconds)) {
      throw usage(`--time wants more than 0 s and at most ${mostSeconds} s, not ${seconds} s`);
    }
    if (!options.force) await refuseExisting(file);
    const token = await demandToken(options.token, terminal);
    refuseClusterToken(token);
    const setting = { transport: tcpTransport, clock: systemClock, token, seconds };
    const pairs = places.flatMap((from) =>
      places.filter((to) => to !== from).map((to) => ({ from, to })),
    );
    const progress = showProgress("measuring", terminal);
    const links: NamedLink[] = [];
    try {
      for (const [position, { from, to }] of pairs.entries()) {
        signal.throwIfAborted();
        progress.update(position / pairs.length, `${from.name} → ${to.name}`);
        const found = await probeBetween(from.address, to.address, setting);
        links.push({ from: from.name, to: to.name, ...found });
      }
    } finally {
      progress.stop();
    }
    const measuredAt = new Date().toISOString();
    const written = writeTopology(places, links, measuredAt);
    readTopology(written, file);
    await writeWhole(file, written, terminal);
    if (terminal.json) terminal.document({ file, measuredAt, links });
    else if (file !== "-") {
      const columns = [
        { head: "link" },
        { head: "goodput", align: "right" },
        { head: "round trip", align: "right" },
      ] as const;
      const rows = links.map(({ from, to, bitsPerSecond, roundTripSeconds }) => [
        `${from} → ${to}`,
        formatQuantity(bitsPerSecond, "bit/s"),
        formatQuantity(roundTripSeconds, "s"),
      ]);
      terminal.line(`${formatTable(columns, rows, terminal)}\n\nwrote ${file}`);
    }
    return 0;
  },
});

function readPlace(written: string): Place {
  const equals = written.indexOf("=");
  if (equals > 0 && /:\d+$/.test(written)) {
    return { name: written.slice(0, equals), address: written.slice(equals + 1) };
  }
  throw usage(`"${written}" is no agent; write NAME=HOST:PORT, for instance camera=10.0.0.2:7001`);
}

async function refuseExisting(file: string): Promise<void> {
  const status = file === "-" ? null : await stat(file).catch(() => null);
  if (!status?.isFile()) return;
  throw new CodedError("FILE_EXISTS", `${file} exists; write over it with --force`, { path: file });
}

/** A topology that says when it was measured; speeds and memory are left to whoever knows them. */
function writeTopology(
  places: readonly Place[],
  links: readonly NamedLink[],
  measuredAt: string,
): string {
  const document = new Document({
    format: "partita.topology/1",
    devices: places.map(({ name }) => ({ name })),
    links: links.map(({ from, to, bitsPerSecond, roundTripSeconds }) => ({
      from,
      to,
      bandwidth: formatQuantity(bitsPerSecond, "bit/s", 4),
      latency: formatQuantity(roundTripSeconds / 2, "s", 4),
    })),
    source: places[0]?.name,
  });
  document.commentBefore = ` Links measured by partita at ${measuredAt}: goodput of TCP, latency as half of the median round trip.\n Add speed, memory and profile to the devices.`;
  for (const key of ["devices", "links"]) {
    const items = document.get(key);
    if (!isSeq(items)) continue;
    for (const item of items.items) if (isCollection(item)) item.flow = true;
  }
  return document.toString({ lineWidth: 0 });
}
