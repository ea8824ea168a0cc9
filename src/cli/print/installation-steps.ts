import { joiningDevices } from "../../deploy/agents.ts";
import { coordinatorName, coordinatorSets } from "../../deploy/coordinator.ts";
import { type Installation, paths, ports } from "../../deploy/installation.ts";
import { secretsFile } from "../../deploy/kubernetes.ts";
import { deviceLabel, labelValue } from "../../deploy/manifest.ts";
import { usesNats } from "../../deploy/nats.ts";
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
    ...changing(installation),
  ];
}

/** Of two coordinators the second one takes up a change only when it is told to. */
function changing(installation: Installation): InstallationStep[] {
  const { namespace } = installation;
  const [first, ...others] = coordinatorSets(installation);
  if (others.length === 0) return [];
  const commands = [
    `kubectl -n ${namespace} logs -f ${first}-0   (until it says that it stands by, or leads)`,
    ...others.map((set) => `kubectl -n ${namespace} delete pod ${set}-0`),
  ];
  return [{ title: "After each change that you apply later:", commands }];
}

function asking(installation: Installation): InstallationStep {
  const { namespace, nats } = installation;
  const ready = `kubectl -n ${namespace} wait --for=condition=ready pod -l app.kubernetes.io/component=${coordinatorName} --timeout=1h`;
  const commands = [
    // Of two only the one that leads is ready.
    ...(usesNats(installation) ? [] : [ready]),
    `kubectl -n ${namespace} port-forward service/partita ${ports.http} ${ports.grpc}`,
    `curl http://127.0.0.1:${ports.http}/v2/health/ready`,
  ];
  if (nats.type === "given") commands.push(keptRequests(nats.url));
  return { title: "Ask, when it is ready:", commands };
}

function keptRequests(url: string): string {
  return `partita run --nats ${shell(url)} INPUT…   (PARTITA_NATS_… as in ${secretsFile}; requests are kept until they are answered)`;
}

function copying(installation: Installation, copied: readonly Source[]): InstallationStep[] {
  if (copied.length === 0) return [];
  const commands = coordinatorSets(installation).flatMap((set) =>
    copied.map(({ name, path }) => {
      const target = `${set}-0:${paths.models}/${name}`;
      return `kubectl -n ${installation.namespace} cp -c models ${shell(path)} ${shell(target)}`;
    }),
  );
  return [{ title: "Copy the models; coordinators wait for them:", commands }];
}

/** As one word of a shell. */
function shell(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
