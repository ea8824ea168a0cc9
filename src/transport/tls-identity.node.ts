import { createHash, type X509Certificate } from "node:crypto";
import { CodedError } from "../base/errors.ts";
import { anonymous } from "./transport.ts";

/** What one side of a TLS channel proves itself with. */
export interface TlsIdentity {
  /** PKCS #8, PEM. */
  readonly key: string;
  /** The own certificate, then that of the authority; PEM. */
  readonly certificate: string;
}

/** The URI in the certificate of whoever coordinates (subject alternative name). */
export const coordinatorUri = "urn:partita:coordinator";

const devicePrefix = "urn:partita:device:";

/** The URI in the certificate of a device (subject alternative name). */
export function deviceUri(device: string): string {
  // Node puts names with this character in quotation marks.
  return devicePrefix + encodeURIComponent(device).replaceAll("'", "%27");
}

/** SHA-256 of a certificate's public key (SubjectPublicKeyInfo, DER), base64url. */
export function fingerprintOf({ publicKey }: X509Certificate): string {
  const spki = publicKey.export({ type: "spki", format: "der" });
  return createHash("sha256").update(spki).digest("base64url");
}

/**
 * Whom a certificate names. It has to be signed by the certificate sent behind it, whose public key
 * has the trusted fingerprint: no list of authorities, no host names (RFC 5280 with one signature;
 * that the other side has the certificate's key is what the TLS handshake proves).
 *
 * @param shown `undefined`: the other side has shown none
 * @param trust fingerprint of the authority's public key
 * @param nowSeconds since 1970
 * @returns the device's name, or `anonymous` for the coordinator
 * @throws IDENTITY_REFUSED
 */
export function readIdentity(
  shown: X509Certificate | undefined,
  trust: string,
  peer: string,
  nowSeconds: number,
): string {
  if (shown === undefined) throw refused(peer, "shows no certificate", {});
  requireSigned(shown, trust, peer);
  requireCurrent(shown, peer, nowSeconds);
  const names = (shown.subjectAltName ?? "").split(", ").map((name) => name.replace(/^URI:/, ""));
  const name = names.length === 1 ? names[0] : undefined;
  if (name === coordinatorUri) return anonymous;
  if (name?.startsWith(devicePrefix)) return decodeURIComponent(name.slice(devicePrefix.length));
  throw refused(peer, "shows a certificate that names neither a device nor a coordinator", {
    names,
  });
}

function requireSigned(shown: X509Certificate, trust: string, peer: string): void {
  const authority = shown.issuerCertificate;
  const found = authority === undefined ? null : fingerprintOf(authority);
  if (authority === undefined || found !== trust) {
    const whose = found === null ? "of no authority" : `of the authority ${found}`;
    throw refused(
      peer,
      `shows a certificate ${whose}, not of this cluster's, ${trust}; either it belongs to another ` +
        "cluster (then take the token that this cluster's coordinator printed), or somebody " +
        "between here and there pretends to be it",
      { found, trust },
    );
  }
  const isSigned =
    authority.ca && shown.checkIssued(authority) && shown.verify(authority.publicKey);
  if (!isSigned) throw refused(peer, "shows a certificate that its authority has not signed", {});
}

function requireCurrent({ validFrom, validTo }: X509Certificate, peer: string, now: number): void {
  const milliseconds = now * 1000;
  if (milliseconds >= Date.parse(validFrom) && milliseconds <= Date.parse(validTo)) return;
  const clock = new Date(milliseconds).toISOString();
  throw refused(
    peer,
    `shows a certificate that is valid from ${validFrom} to ${validTo}, and the clock here says ` +
      `${clock}; check both clocks, then start that agent again: it gets a new certificate when it joins`,
    { validFrom, validTo, clock },
  );
}

function refused(peer: string, why: string, details: Record<string, unknown>): CodedError {
  return new CodedError("IDENTITY_REFUSED", `${peer} ${why}`, { peer, ...details });
}
