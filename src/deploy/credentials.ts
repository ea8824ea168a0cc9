import type { Installation } from "./installation.ts";
import { type Manifest, metadataOf } from "./manifest.ts";
import { natsConfiguration, natsSecret } from "./nats.ts";

/** What nobody may read who is not to join: each where only those see it who need it. */
export function credentialManifests(installation: Installation): Manifest[] {
  const { credentials, nats } = installation;
  const shown = natsSecret(installation);
  const secret = (name: string, stringData: Readonly<Record<string, string>>): Manifest => ({
    apiVersion: "v1",
    kind: "Secret",
    metadata: metadataOf(name, "credentials", installation),
    type: "Opaque",
    stringData,
  });
  return [
    secret("token", { token: credentials.token }),
    secret("authority", { "authority.pem": credentials.authority }),
    ...(Object.keys(shown).length === 0 ? [] : [secret("nats", shown)]),
    ...(nats.type === "own"
      ? [secret("nats-server", { "nats.conf": natsConfiguration(nats.password) })]
      : []),
  ];
}
