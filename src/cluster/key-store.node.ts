import { createPrivateKey, X509Certificate } from "node:crypto";
import { join } from "node:path";
import { CodedError, messageOf } from "../base/errors.ts";
import { fingerprintOf, type TlsIdentity } from "../transport/tls-identity.node.ts";
import { makeKey, publicKeyOf, requestCertificate } from "./certificates.node.ts";
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
  // Joining brings a new certificate, so one that is damaged or foreign is as good as none.
  let identity =
    kept === null || whyUseless(kept, key, trust) !== null ? null : { key, certificate: kept };
  return {
    identity: () => identity,
    request: () => requestCertificate(key),
    keep: async (certificate) => {
      const why = whyUseless(certificate, key, trust);
      if (why !== null) {
        const message = `the certificate that the coordinator sent is refused: ${why}`;
        throw new CodedError("IDENTITY_REFUSED", message, { folder });
      }
      await writePrivate(certificatePath, certificate, "replace");
      identity = { key, certificate };
    },
  };
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

function whyUseless(pem: string, key: string, trust: string): string | null {
  try {
    const [own = "", authority = ""] = pem.split(/(?<=-----END CERTIFICATE-----)\s*/);
    const found = fingerprintOf(new X509Certificate(authority));
    if (found !== trust) return `it is of the authority ${found}, not of ${trust}`;
    return publicKeyOf(own).equals(publicKeyOf(key)) ? null : "it is over another key";
  } catch (error) {
    return messageOf(error);
  }
}
