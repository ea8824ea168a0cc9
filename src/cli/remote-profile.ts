import { systemClock } from "../base/clock.node.ts";
import { CodedError } from "../base/errors.ts";
import { formatQuantity } from "../base/units.ts";
import { type EnquiryOptions, profileOnDevice } from "../cluster/task-client.ts";
import { graphSha256 } from "../cost/graph-hash.ts";
import { memoryBytes } from "../cost/memory.ts";
import { type Profile, readProfile } from "../cost/profile.ts";
import { indexGraph } from "../graph/graph.ts";
import { encodeOnnx } from "../onnx/write.ts";
import type { Measurement } from "./measuring.ts";
import { prepareModel, withLevel } from "./prepare.ts";
import { showProgress } from "./print/progress.ts";
import type { Terminal } from "./terminal.ts";

export interface RemoteChoices extends Omit<EnquiryOptions, "clock"> {
  /** The device that is to measure. */
  readonly device: string;
  readonly limitSeconds: number;
  /** Whether to measure though it runs stages. */
  readonly force: boolean;
}

/** What a process with the runtime takes before it has read a model. */
const processBytes = 270e6;
/** The file, the model that was read, the runtime's copy and the parts that are timed. */
const modelCopies = 4;

/**
 * Has a device that has joined measure the model. It is optimised here, so that profiles of several
 * devices are of one graph.
 *
 * @throws what `profileOnDevice` throws; PROFILE_INVALID if what comes back is of another graph
 */
export async function measureRemotely(
  { named, source, device: kind }: Measurement,
  choices: RemoteChoices,
  terminal: Terminal,
): Promise<Profile> {
  const { level, threads, shapes, codecs } = source;
  const { model, graph } = await prepareModel(named.model, level, shapes);
  const bytes = encodeOnnx(withLevel(model, level));
  const nodes = graph.nodes.map((_, position) => position);
  const { device, limitSeconds, force } = choices;
  const progress = showProgress(`profiling ${named.name} on ${device}`, terminal);
  try {
    const written = await profileOnDevice(
      {
        ...choices,
        clock: systemClock,
        onProgress: ({ sentBytes, seconds }) => {
          const share = sentBytes / bytes.byteLength;
          const what =
            share < 1
              ? `${formatQuantity(sentBytes, "B")} sent`
              : `it measures, for ${seconds.toFixed(0)} s so far`;
          progress.update(share, what);
        },
      },
      bytes,
      {
        memoryBytes:
          memoryBytes(indexGraph(graph), nodes, processBytes) + modelCopies * bytes.length,
        kind,
        level,
        threads,
        shapes,
        codecs: codecs !== undefined,
        limitSeconds,
        force,
      },
    );
    const found = readProfile(new TextDecoder().decode(written), `the profile of '${device}'`);
    return asOwn(found, { name: named.name, sha256: graphSha256(graph) }, source, device);
  } finally {
    progress.stop();
  }
}

/** The device knows the optimised graph only: here it is known which model it was made from. */
function asOwn(
  profile: Profile,
  { name, sha256 }: { readonly name: string; readonly sha256: string },
  { modelSha256 }: Measurement["source"],
  device: string,
): Profile {
  if (graphSha256(profile.graph) !== sha256 || profile.source === undefined) {
    throw new CodedError(
      "PROFILE_INVALID",
      `device '${device}' has measured another graph than the one that was sent; install one version of partita on both machines`,
      { device },
    );
  }
  const graph = { ...profile.graph, name };
  return { ...profile, graph, source: { ...profile.source, modelSha256 } };
}
