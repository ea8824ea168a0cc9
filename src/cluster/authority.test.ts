import { X509Certificate } from "node:crypto";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { joinedKeys, makeAuthority, temporaryFolder } from "../../test/fixtures/authority.ts";
import { fingerprintOf } from "../transport/tls-identity.node.ts";
import { certify, openAuthority } from "./authority.node.ts";
import { makeKey, selfSign } from "./certificates.node.ts";
import { openKeyStore } from "./key-store.node.ts";

const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;

test("an authority is the same after a restart, and only its owner may read it", async () => {
  const folder = join(temporaryFolder(), "new", "state");
  const authority = await openAuthority(folder);
  expect((await openAuthority(folder)).fingerprint).toBe(authority.fingerprint);
  expect(await modeOf(join(folder, "authority.pem"))).toBe(0o600);
  expect((await makeAuthority()).fingerprint).not.toBe(authority.fingerprint);
});

test("processes that make an authority at the same time agree on one", async () => {
  const folder = temporaryFolder();
  const opened = await Promise.all([1, 2, 3, 4].map(() => openAuthority(folder)));
  expect(new Set(opened.map(({ fingerprint }) => fingerprint)).size).toBe(1);
});

test("certifies a device's key for its name and a year, signed by the authority behind it", async () => {
  const authority = await makeAuthority();
  const keys = await openKeyStore(temporaryFolder(), authority.fingerprint);
  const { certificate, keyFingerprint } = await authority.certify("küche", await keys.request());
  const [own, signer] = certificate
    .split(/(?<=-----END CERTIFICATE-----)\s*/)
    .slice(0, 2)
    .map((pem) => new X509Certificate(pem)) as [X509Certificate, X509Certificate];
  expect(own.subjectAltName).toBe("URI:urn:partita:device:k%C3%BCche");
  expect([own.ca, signer.ca, own.verify(signer.publicKey)]).toEqual([false, true, true]);
  expect([fingerprintOf(own), fingerprintOf(signer)]).toEqual([
    keyFingerprint,
    authority.fingerprint,
  ]);
  const days = (Date.parse(own.validTo) - Date.parse(own.validFrom)) / 86_400_000;
  expect(days).toBeGreaterThan(365);
  expect(days).toBeLessThan(368);
});

test("a device's name cannot smuggle in the coordinator's", async () => {
  const authority = await makeAuthority();
  const { identity } = await joinedKeys(authority, "edge, URI:urn:partita:coordinator");
  const { subjectAltName } = new X509Certificate(identity()?.certificate ?? "");
  expect(subjectAltName).toBe("URI:urn:partita:device:edge%2C%20URI%3Aurn%3Apartita%3Acoordinator");
});

test("a request that is none, or that somebody changed, is refused with the device's name", async () => {
  const authority = await makeAuthority();
  const keys = await openKeyStore(temporaryFolder(), authority.fingerprint);
  const request = await keys.request();
  const bytes = Buffer.from(request.replace(/-----.*?-----|\s/g, ""), "base64");
  bytes[bytes.length - 3] = (bytes[bytes.length - 3] ?? 0) ^ 1;
  const changed = `-----BEGIN CERTIFICATE REQUEST-----\n${bytes.toString("base64")}\n-----END CERTIFICATE REQUEST-----`;
  for (const bad of ["", "hello", changed]) {
    await expect(authority.certify("edge", bad)).rejects.toMatchObject({
      code: "IDENTITY_REFUSED",
      message: expect.stringContaining("'edge'"),
    });
  }
});

test("a device keeps its key and its certificate, which only its owner may read", async () => {
  const authority = await makeAuthority();
  const folder = temporaryFolder();
  const keys = await openKeyStore(folder, authority.fingerprint);
  expect(keys.identity()).toBeNull();
  const first = await authority.certify("edge", await keys.request());
  await keys.keep(first.certificate);
  const again = await openKeyStore(folder, authority.fingerprint);
  expect(again.identity()).toEqual(keys.identity());
  expect(again.identity()?.certificate).toBe(first.certificate);
  const renewed = await authority.certify("edge", await again.request());
  expect(renewed.keyFingerprint).toBe(first.keyFingerprint);
  for (const name of ["key.pem", "certificate.pem"]) {
    expect(await modeOf(join(folder, name))).toBe(0o600);
  }
});

test("a certificate over another key, or of another authority, is not kept", async () => {
  const [authority, other] = await Promise.all([makeAuthority(), makeAuthority()]);
  const keys = await openKeyStore(temporaryFolder(), authority.fingerprint);
  const stranger = await openKeyStore(temporaryFolder(), authority.fingerprint);
  const overOtherKey = await authority.certify("edge", await stranger.request());
  const ofOther = await other.certify("edge", await keys.request());
  for (const { certificate } of [overOtherKey, ofOther, { certificate: "none" }]) {
    await expect(keys.keep(certificate)).rejects.toMatchObject({ code: "IDENTITY_REFUSED" });
  }
  expect(keys.identity()).toBeNull();
});

test("damaged key files are refused with their path and what to do", async () => {
  const folder = temporaryFolder();
  const { fingerprint } = await openAuthority(folder);
  const path = join(folder, "authority.pem");
  const whole = await readFile(path, "utf8");
  const otherKey = await readFile(
    await (async () => {
      const other = temporaryFolder();
      await openAuthority(other);
      return join(other, "authority.pem");
    })(),
    "utf8",
  );
  const cut = whole.indexOf("-----BEGIN CERTIFICATE-----");
  const mixed =
    otherKey.slice(0, otherKey.indexOf("-----BEGIN CERTIFICATE-----")) + whole.slice(cut);
  for (const text of ["", "garbage", whole.slice(0, cut), whole.slice(cut), mixed]) {
    await writeFile(path, text);
    await expect(openAuthority(folder)).rejects.toMatchObject({
      code: "KEY_INVALID",
      message: expect.stringMatching(/authority\.pem.*delete it/s),
    });
  }
  await writeFile(join(folder, "key.pem"), "garbage");
  await expect(openKeyStore(folder, fingerprint)).rejects.toMatchObject({
    code: "KEY_INVALID",
    message: expect.stringMatching(/key\.pem.*delete it/s),
  });
});

test("a key file that cannot be read, and a folder that cannot be made, are named", async () => {
  const folder = temporaryFolder();
  const { fingerprint } = await openAuthority(folder);
  await expect(openAuthority(join(folder, "authority.pem"))).rejects.toMatchObject({
    code: "FILE_NOT_FOUND",
    message: expect.stringContaining(join(folder, "authority.pem", "authority.pem")),
  });
  await writeFile(join(folder, "wall"), "");
  await expect(openKeyStore(join(folder, "wall", "in"), fingerprint)).rejects.toMatchObject({
    code: "FILE_NOT_FOUND",
    message: expect.stringContaining("another folder with --state"),
  });
});

test("a damaged certificate is as good as none: joining brings a new one", async () => {
  const authority = await makeAuthority();
  const folder = temporaryFolder();
  await openKeyStore(folder, authority.fingerprint);
  await writeFile(join(folder, "certificate.pem"), "garbage");
  expect((await openKeyStore(folder, authority.fingerprint)).identity()).toBeNull();
});

test("a device does not show a certificate that has expired, so that it can join and get another", async () => {
  const [folder, key] = [temporaryFolder(), makeKey()];
  const [from, to] = [new Date("2020-01-01T00:00:00Z"), new Date("2020-06-01T00:00:00Z")];
  const certificate = await selfSign(key, { from, to: new Date("2100-01-01T00:00:00Z") });
  const trust = fingerprintOf(new X509Certificate(certificate));
  const keys = await openKeyStore(folder, trust);
  const old = await certify({ key, certificate }, "edge", await keys.request(), { from, to });
  await expect(keys.keep(old.certificate)).rejects.toThrow(/2020.*clock/);
  await writeFile(join(folder, "certificate.pem"), old.certificate);
  expect((await openKeyStore(folder, trust)).identity()).toBeNull();
});
