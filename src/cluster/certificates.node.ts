// First: the certificate library needs its metadata when it is loaded.
import "reflect-metadata";
import { createPrivateKey, createPublicKey, generateKeyPairSync, webcrypto } from "node:crypto";
import {
  BasicConstraintsExtension,
  cryptoProvider,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Pkcs10CertificateRequest,
  Pkcs10CertificateRequestGenerator,
  SubjectAlternativeNameExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";

cryptoProvider.set(webcrypto);

/** ECDSA with P-256 and SHA-256 (FIPS 186-5): fast, and known to every TLS library. */
const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

/** From when to when. */
export interface Validity {
  readonly from: Date;
  readonly to: Date;
}

/** Who signs: a private key (PKCS #8) and its certificate, both PEM. */
export interface Signer {
  readonly key: string;
  readonly certificate: string;
}

/** A new private key (PKCS #8, PEM). */
export function makeKey(): string {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}

/** The public half of a private key, or the key of a certificate: SubjectPublicKeyInfo, DER. */
export function publicKeyOf(pem: string): Buffer {
  return createPublicKey(pem).export({ type: "spki", format: "der" });
}

/** A certificate that signs others (PEM). */
export async function selfSign(key: string, validity: Validity): Promise<string> {
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: "CN=Partita cluster",
    notBefore: validity.from,
    notAfter: validity.to,
    keys: await importPair(key),
    signingAlgorithm: algorithm,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true),
    ],
  });
  return certificate.toString("pem");
}

/** A request for a certificate over a key, signed with it (PKCS #10, PEM). */
export async function requestCertificate(key: string): Promise<string> {
  const request = await Pkcs10CertificateRequestGenerator.create({
    keys: await importPair(key),
    signingAlgorithm: algorithm,
  });
  return request.toString("pem");
}

/**
 * The public key that a request is about (SubjectPublicKeyInfo, DER).
 *
 * @throws Error if it is no request, not signed with its own key, or its key is not of P-256
 */
export async function readRequest(pem: string): Promise<Buffer> {
  const request = new Pkcs10CertificateRequest(pem);
  const key = Buffer.from(request.publicKey.rawData);
  const { asymmetricKeyDetails } = createPublicKey({ key, type: "spki", format: "der" });
  if (asymmetricKeyDetails?.namedCurve !== "prime256v1") throw new Error("its key is not of P-256");
  if (!(await request.verify())) throw new Error("it is not signed with its own key");
  return key;
}

/** Certifies that a public key (SubjectPublicKeyInfo, DER) belongs to what `uri` names; PEM. */
export async function certifyKey(
  signer: Signer,
  publicKey: Buffer,
  uri: string,
  validity: Validity,
): Promise<string> {
  const certificate = await X509CertificateGenerator.create({
    issuer: new X509Certificate(signer.certificate).subject,
    notBefore: validity.from,
    notAfter: validity.to,
    publicKey: await webcrypto.subtle.importKey("spki", publicKey, algorithm, true, ["verify"]),
    signingKey: (await importPair(signer.key)).privateKey,
    signingAlgorithm: algorithm,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
      // Critical, since there is no subject (RFC 5280, 4.2.1.6).
      new SubjectAlternativeNameExtension([{ type: "url", value: uri }], true),
    ],
  });
  return certificate.toString("pem");
}

async function importPair(pem: string): Promise<webcrypto.CryptoKeyPair> {
  const { subtle } = webcrypto;
  const pkcs8 = createPrivateKey(pem).export({ type: "pkcs8", format: "der" });
  const [privateKey, publicKey] = await Promise.all([
    subtle.importKey("pkcs8", pkcs8, algorithm, false, ["sign"]),
    subtle.importKey("spki", publicKeyOf(pem), algorithm, true, ["verify"]),
  ]);
  return { privateKey, publicKey };
}
