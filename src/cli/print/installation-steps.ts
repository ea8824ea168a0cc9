import { joiningDevices } from "../../deploy/agents.ts";
import { coordinatorName } from "../../deploy/coordinator.ts";
import { type Installation, paths, ports } from "../../deploy/installation.ts";
import { secretsFile } from "../../deploy/kubernetes.ts";
import { deviceLabel, labelValue } from "../../deploy/manifest.ts";
import { usesNats } from "../../deploy/nats.ts";
import { parseNatsUrl, publicUrl } from "../../nats/nats-url.ts";
import type { Source } from "../installation-inputs.ts";

/** What is to be done by hand, in this order. */
export interface InstallationStep {
  readonly title: string;
  readonly commands: readonly string[];
}

export function installationSteps(
  installation: Installation,
  copied: readonly Source[],
  folder: string,
): InstallationStep[] {
  const { image } = installation;
  const devices = joiningDevices(installation);
  return [
    {
      title: "In Partita's sources, make the image and bring it to where the cluster finds it:",
      commands: [
        `docker build -f docker/Dockerfile -t ${shell(image)} .`,
        `docker push ${shell(image)}`,
      ],
    },
    {
      title: "Say which machine is which device (kubectl get nodes lists them):",
      commands: devices.map(
        ({ name }) => `kubectl label node MACHINE ${deviceLabel}=${labelValue(name)}`,
      ),
    },
    { title: "Start everything:", commands: [`kubectl apply --server-side -k ${shell(folder)}`] },
    ...copying(installation, copied),
    asking(installation),
  ];
}

function asking(installation: Installation): InstallationStep {
  const { namespace, nats } = installation;
  const title = "Ask, when it is ready:";
  if (nats.type === "given") {
    const url = shell(publicUrl(parseNatsUrl(nats.url)));
    const commands = [
      `partita run --nats ${url} INPUT…   (PARTITA_NATS_USER and PARTITA_NATS_PASSWORD as in ${secretsFile})`,
    ];
    return { title, commands };
  }
  if (nats.type === "own") {
    const commands = [
      `kubectl -n ${namespace} port-forward service/nats ${ports.nats}`,
      `partita run --nats nats://127.0.0.1:${ports.nats} INPUT…   (PARTITA_TOKEN, PARTITA_NATS_USER and PARTITA_NATS_PASSWORD as in ${secretsFile})`,
    ];
    return { title, commands };
  }
  const commands = [
    `kubectl -n ${namespace} wait --for=condition=ready pod -l app.kubernetes.io/component=${coordinatorName} --timeout=1h`,
    `kubectl -n ${namespace} port-forward service/partita ${ports.http} ${ports.grpc}`,
    `curl http://127.0.0.1:${ports.http}/v2/health/ready`,
  ];
  return { title, commands };
}

function copying(installation: Installation, copied: readonly Source[]): InstallationStep[] {
  if (copied.length === 0) return [];
  const pods = usesNats(installation) ? [0, 1] : [0];
  const commands = pods.flatMap((pod) =>
    copied.map(({ name, path }) => {
      const target = `${coordinatorName}-${pod}:${paths.models}/${name}`;
      return `kubectl -n ${installation.namespace} cp -c models ${shell(path)} ${shell(target)}`;
    }),
  );
  return [{ title: "Copy the models; coordinators wait for them:", commands }];
}

/** As one word of a shell. */
function shell(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
