/**
 * Who is who: which device a channel belongs to, and which key a device's name belongs to.
 *
 * @module
 */
import { CodedError } from "../base/errors.ts";
import { anonymous, type Channel } from "../transport/transport.ts";

/** What the authority makes of a request. */
export interface Certified {
  /** The device's certificate, then the authority's own; PEM. */
  readonly certificate: string;
  /** SHA-256 of the device's public key (SubjectPublicKeyInfo), base64url. */
  readonly keyFingerprint: string;
}

/** The coordinator's side of certificates. */
export interface CertificateAuthority {
  /**
   * Certifies that the key in a request belongs to a device, for a year.
   *
   * @param request PKCS #10, PEM
   * @throws IDENTITY_REFUSED if it is no request, or not signed with its own key
   */
  certify(device: string, request: string): Promise<Certified>;
}

/** A device's side of certificates. */
export interface DeviceKeys {
  /** A request for a certificate over this device's key (PKCS #10, PEM). */
  request(): Promise<string>;
  /**
   * Keeps what the coordinator answered; from then on it is shown on every channel.
   *
   * @throws IDENTITY_REFUSED if it is of another key or another cluster
   */
  keep(certificate: string): Promise<void>;
  /** Whether there is a certificate that will soon run out, or has. */
  isStale(): boolean;
}

/**
 * Why a channel does not belong to the device that it should; `null`: it does, or its transport
 * proves nothing. Not for tunnels: there the coordinator has checked both ends.
 */
export function checkDevice(device: string, channel: Channel): CodedError | null {
  const { identity, peer } = channel;
  if (identity === null || identity === device) return null;
  const shown =
    identity === anonymous ? "shows no device's certificate" : `is device '${identity}'`;
  return new CodedError(
    "IDENTITY_REFUSED",
    `${peer} says or should be device '${device}', but ${shown}; every device needs its own name and key`,
    { peer, device, identity },
  );
}

/** Why a channel that was dialled does not lead to a coordinator; `null`: it does, as far as its transport can tell. */
export function checkCoordinator(channel: Channel): CodedError | null {
  const { identity, peer } = channel;
  if (identity === null || identity === anonymous) return null;
  return new CodedError(
    "IDENTITY_REFUSED",
    `device '${identity}' answers at ${peer}, where the coordinator should; is the address right?`,
    { peer, identity },
  );
}

/** Which key a name belongs to, and where its device was seen last. */
export interface KnownDevice {
  readonly keyFingerprint: string;
  readonly address: string;
}

/** The names that were taken, each with its key: first come, first served. Serialisable. */
export class KnownDevices {
  readonly #known: Map<string, KnownDevice>;

  constructor(known: Readonly<Record<string, KnownDevice>> = {}) {
    this.#known = new Map(Object.entries(known));
  }

  /** Why a device may not have its name; `null`: it may, and from now on the name is that key's. */
  admit(device: string, seen: KnownDevice): CodedError | null {
    const known = this.#known.get(device);
    if (known !== undefined && known.keyFingerprint !== seen.keyFingerprint) {
      return keyDiffers(device, known, seen);
    }
    this.#known.set(device, seen);
    return null;
  }

  /** Names that were taken before, unless they are others' by now. */
  recall(known: Readonly<Record<string, KnownDevice>>): void {
    for (const [device, seen] of Object.entries(known)) {
      if (!this.#known.has(device)) this.#known.set(device, seen);
    }
  }

  /** The name is free again. @returns whether it was taken */
  forget(device: string): boolean {
    return this.#known.delete(device);
  }

  toJSON(): Record<string, KnownDevice> {
    return Object.fromEntries(this.#known);
  }
}

function keyDiffers(device: string, known: KnownDevice, seen: KnownDevice): CodedError {
  return new CodedError(
    "IDENTITY_REFUSED",
    `device '${device}' is known with the key ${known.keyFingerprint}, last seen at ${known.address}; ` +
      `${seen.address} joins under that name with the key ${seen.keyFingerprint}. Two devices need two ` +
      `names; if it replaces the old one, start the coordinator again with --forget ${device} (requests go on meanwhile)`,
    { device, known, seen },
  );
}
