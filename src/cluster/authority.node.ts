import { createHash, X509Certificate } from "node:crypto";
import { join } from "node:path";
import { CodedError, messageOf } from "../base/errors.ts";
import {
  coordinatorUri,
  deviceUri,
  fingerprintOf,
  type TlsIdentity,
} from "../transport/tls-identity.node.ts";
import {
  certifyKey,
  makeKey,
  publicKeyOf,
  readRequest,
  type Signer,
  selfSign,
  type Validity,
} from "./certificates.node.ts";
import type { CertificateAuthority, Certified } from "./identity.ts";
import { damaged, readOrMake } from "./key-file.node.ts";

const authorityYears = 20;
const deviceYears = 1;
const yearMilliseconds = 365.25 * 24 * 3600 * 1000;
/** Clocks of other machines may be behind. */
const toleranceMilliseconds = 24 * 3600 * 1000;

/** A cluster's certificate authority, and the coordinator's own identity. */
export interface Authority extends CertificateAuthority {
  /** SHA-256 of its public key, base64url: what tokens end in. */
  readonly fingerprint: string;
  /** What the coordinator's listener shows. */
  readonly identity: TlsIdentity;
}

/**
 * The certificate authority of a cluster; made when it is opened for the first time.
 *
 * @param folder of the coordinator's state; `authority.pem` in it has mode 0600
 * @throws KEY_INVALID if the file is damaged; FILE_NOT_FOUND, FILE_WRITE_FAILED
 */
export async function openAuthority(folder: string): Promise<Authority> {
  const path = join(folder, "authority.pem");
  const text = await readOrMake(path, async () => {
    const key = makeKey();
    return `${key}${await selfSign(key, validFor(authorityYears))}\n`;
  });
  const signer = parseSigner(path, text);
  const authority = new X509Certificate(signer.certificate);
  const own = makeKey();
  const ownValidity = { from: new Date(authority.validFrom), to: new Date(authority.validTo) };
  const certificate = await certifyKey(signer, publicKeyOf(own), coordinatorUri, ownValidity);
  return {
    fingerprint: fingerprintOf(authority),
    identity: { key: own, certificate: `${certificate}\n${signer.certificate}` },
    certify: (device, request) => certify(signer, device, request, validFor(deviceYears)),
  };
}

/**
 * Certifies a device's key.
 *
 * @throws IDENTITY_REFUSED
 */
export async function certify(
  signer: Signer,
  device: string,
  request: string,
  validity: Validity,
): Promise<Certified> {
  let publicKey: Buffer;
  try {
    publicKey = await readRequest(request);
  } catch (error) {
    const why = `the certificate request of device '${device}' is refused: ${messageOf(error)}`;
    throw new CodedError("IDENTITY_REFUSED", why, { device }, error);
  }
  const certificate = await certifyKey(signer, publicKey, deviceUri(device), validity);
  return {
    certificate: `${certificate}\n${signer.certificate}`,
    keyFingerprint: createHash("sha256").update(publicKey).digest("base64url"),
  };
}

function validFor(years: number): Validity {
  const now = Date.now();
  return {
    from: new Date(now - toleranceMilliseconds),
    to: new Date(now + years * yearMilliseconds),
  };
}

function parseSigner(path: string, text: string): Signer {
  const start = text.indexOf("-----BEGIN CERTIFICATE-----");
  const signer = { key: text.slice(0, start), certificate: text.slice(start) };
  const advice =
    "restore it from a copy; without it, delete it: the next start makes a new authority, whose " +
    "token every agent and client then needs";
  try {
    const certificate = new X509Certificate(signer.certificate);
    if (publicKeyOf(signer.key).equals(publicKeyOf(signer.certificate)) && certificate.ca) {
      return signer;
    }
  } catch (error) {
    throw damaged(path, "certificate authority", `${messageOf(error)}; ${advice}`, error);
  }
  throw damaged(
    path,
    "certificate authority",
    `key and certificate do not belong together; ${advice}`,
  );
}
