import { createPrivateKey, X509Certificate } from "node:crypto";
import { join } from "node:path";
import { CodedError, messageOf } from "../base/errors.ts";
import { fingerprintOf, type TlsIdentity } from "../transport/tls-identity.node.ts";
import { makeKey, requestCertificate } from "./certificates.node.ts";
import type { DeviceKeys } from "./identity.ts";
import { damaged, readOrMake, readPrivate, writePrivate } from "./key-file.node.ts";

/** A device's key and certificate in one cluster, on disk. */
export interface KeyStore extends DeviceKeys {
  /** What the device shows on its channels; `null` until it has joined once. */
  identity(): TlsIdentity | null;
}

/**
 * The keys of a device in a cluster; the key pair is made when it is opened for the first time.
 *
 * @param folder of this device in this cluster; `key.pem` and `certificate.pem` in it have mode 0600
 * @param trust fingerprint of the cluster's authority; a certificate of another one is not used
 * @throws KEY_INVALID if the key is damaged; FILE_NOT_FOUND, FILE_WRITE_FAILED
 */
export async function openKeyStore(folder: string, trust: string): Promise<KeyStore> {
  const path = join(folder, "key.pem");
  const key = await readOrMake(path, async () => makeKey());
  requireKey(path, key);
  const certificatePath = join(folder, "certificate.pem");
  const kept = await readPrivate(certificatePath);
  // Joining brings a new certificate, so one that is damaged, foreign or old is as good as none.
  let shown: Shown | null =
    kept === null || whyUseless(kept, key, trust) !== null ? null : showing(key, kept);
  return {
    identity: () => (shown !== null && Date.now() <= shown.expires ? shown.identity : null),
    isStale: () => shown !== null && Date.now() >= shown.stale,
    request: () => requestCertificate(key),
    keep: async (sent) => {
      const why = whyUseless(sent, key, trust);
      if (why !== null) {
        const message = `the certificate that the coordinator sent is refused: ${why}`;
        throw new CodedError("IDENTITY_REFUSED", message, { folder });
      }
      await writePrivate(certificatePath, sent, "replace");
      shown = showing(key, sent);
    },
  };
}

/** One object for one certificate: whoever listens with it compares. */
interface Shown {
  readonly identity: TlsIdentity;
  /** Two thirds of its life are over then, in milliseconds since 1970. */
  readonly stale: number;
  /** Milliseconds since 1970. */
  readonly expires: number;
}

function showing(key: string, certificate: string): Shown {
  const { validFrom, validTo } = new X509Certificate(certificate);
  const [from, expires] = [Date.parse(validFrom), Date.parse(validTo)];
  return { identity: { key, certificate }, stale: from + (2 / 3) * (expires - from), expires };
}

function requireKey(path: string, key: string): void {
  try {
    createPrivateKey(key);
  } catch (error) {
    throw damaged(
      path,
      "private key",
      `${messageOf(error)}; delete it: the next start makes a new one, which the coordinator takes after ` +
        "`partita coordinator --forget DEVICE`",
      error,
    );
  }
}

/** `null`: it may be shown. */
function whyUseless(pem: string, key: string, trust: string): string | null {
  try {
    const [first = "", second = ""] = pem.split(/(?<=-----END CERTIFICATE-----)\s*/);
    const own = new X509Certificate(first);
    const found = fingerprintOf(new X509Certificate(second));
    if (found !== trust) return `it is of the authority ${found}, not of ${trust}`;
    if (!own.checkPrivateKey(createPrivateKey(key))) return "it is over another key";
    const now = Date.now();
    if (now >= Date.parse(own.validFrom) && now <= Date.parse(own.validTo)) return null;
    return `it is valid from ${own.validFrom} to ${own.validTo}, and the clock here says ${new Date(now).toISOString()}; set the clocks of both machines`;
  } catch (error) {
    return messageOf(error);
  }
}
