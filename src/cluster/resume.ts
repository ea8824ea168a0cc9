import { compose, mostKeptRegions } from "./compositions.ts";
import type { Resume } from "./data-message.ts";
import type { Deployment, DeviceDeployment } from "./deployment.ts";
import { type Extents, readRegion } from "./region-name.ts";

/** What of a request is still to be done. */
export interface ResumePlan {
  /** Graph inputs that are to enter again, at the source. */
  readonly entering: readonly string[];
  /** By device; those that have nothing to do are left out. In the order of the deployment. */
  readonly devices: ReadonlyMap<string, Resume>;
}

interface Remaining {
  readonly stages: Set<string>;
  readonly forwards: { readonly tensor: string; readonly to: string }[];
  readonly answers: string[];
  /** Tensors that are wanted here, looked into already. */
  readonly wanted: Set<string>;
}

/**
 * What must be done under a deployment so that every answer comes, where devices keep tensors of the
 * request: walks back from the answers, and stops at what is kept, or can be put together from what
 * is. Each tensor comes to a device in one way, and of a region that comes in several the first is
 * taken, so that nothing of this could be left out. O(stages + arrivals + forwards + kept) time;
 * regions of one tensor that a device keeps count to the third power, up to a limit.
 *
 * @param kept by device; what a deployment has no use for is passed over
 */
export function resumePlan(
  { devices, entering }: Deployment,
  kept: ReadonlyMap<string, ReadonlySet<string>>,
): ResumePlan {
  const sources = new Map(devices.map((device) => [device.device, sourcesOf(device)]));
  const keepers = new Map(
    devices.map((device) => [device.device, new Kept(device, kept.get(device.device))]),
  );
  const remaining = new Map<string, Remaining>(
    devices.map(({ device, answers }) => [
      device,
      { stages: new Set(), forwards: [], answers: [...answers], wanted: new Set() },
    ]),
  );
  const entered = new Set<string>();
  const open = devices.flatMap(({ device, answers }) =>
    answers.map((tensor) => ({ device, tensor })),
  );
  for (let want = open.pop(); want !== undefined; want = open.pop()) {
    const { device, tensor } = want;
    const here = remaining.get(device);
    if (here === undefined || here.wanted.has(tensor)) continue;
    here.wanted.add(tensor);
    const isHere = keepers.get(device)?.has(tensor) === true;
    const source = isHere ? undefined : sources.get(device)?.get(tensor);
    if (source === undefined) continue;
    if (source.type === "stage" && here.stages.has(source.stage)) continue;
    if (source.type === "entering") entered.add(tensor);
    else if (source.type === "hop")
      remaining.get(source.from)?.forwards.push({ tensor, to: device });
    else if (source.type === "stage") here.stages.add(source.stage);
    open.push(...needsOf(source, want));
  }
  return {
    entering: entering.filter((tensor) => entered.has(tensor)),
    devices: new Map(
      [...remaining]
        .filter(
          ([, { stages, forwards, answers }]) => stages.size + forwards.length + answers.length,
        )
        .map(([device, { stages, forwards, answers }]) => [
          device,
          { stages: [...stages], forwards, answers },
        ]),
    ),
  };
}

/** A tensor that is wanted on a device. */
interface Want {
  readonly device: string;
  readonly tensor: string;
}

/** What must be there for a tensor to come from its source. */
function needsOf(source: Source, { device, tensor }: Want): Want[] {
  switch (source.type) {
    case "entering":
      return [];
    case "hop":
      return [{ device: source.from, tensor }];
    case "regions":
      return source.from.map((region) => ({ device, tensor: region }));
    case "stage":
      return source.inputs.map((input) => ({ device, tensor: input }));
  }
}

/** What a device need not be given. */
class Kept {
  readonly #names: ReadonlySet<string>;
  readonly #extents: Extents;
  readonly #regions = new Map<string, string[]>();

  constructor({ tiling }: DeviceDeployment, names: ReadonlySet<string> = new Set()) {
    this.#names = names;
    this.#extents = tiling?.extents ?? {};
    for (const name of names) {
      const { tensor } = readRegion(name, this.#extents);
      const known = this.#regions.get(tensor);
      if (known === undefined) this.#regions.set(tensor, [name]);
      else known.push(name);
    }
  }

  has(region: string): boolean {
    if (this.#names.has(region)) return true;
    const { tensor } = readRegion(region, this.#extents);
    const regions = this.#regions.get(tensor) ?? [];
    return compose(region, regions, this.#extents, mostKeptRegions) !== null;
  }
}

type Source =
  | { readonly type: "entering" }
  | { readonly type: "hop"; readonly from: string }
  | { readonly type: "regions"; readonly from: readonly string[] }
  | { readonly type: "stage"; readonly stage: string; readonly inputs: readonly string[] };

/** How each tensor of a device comes to be there. */
function sourcesOf({ receives, stages, tiling }: DeviceDeployment): Map<string, Source> {
  return new Map<string, Source>([
    ...(tiling?.compositions ?? []).map(({ name, from }): [string, Source] => [
      name,
      { type: "regions", from },
    ]),
    ...receives
      .toReversed()
      .map(({ tensor, from }): [string, Source] => [
        tensor,
        from === null ? { type: "entering" } : { type: "hop", from },
      ]),
    ...stages.flatMap(({ id, inputs, outputs }) =>
      outputs.map((tensor): [string, Source] => [tensor, { type: "stage", stage: id, inputs }]),
    ),
  ]);
}
