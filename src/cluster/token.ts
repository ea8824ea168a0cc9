/**
 * What a coordinator prints and everybody else must show: a secret, and with TLS the fingerprint
 * of the cluster's certificate authority behind a dot.
 *
 * @module
 */
import { CodedError } from "../base/errors.ts";

export interface Token {
  /** Travels in the first message of each channel. */
  readonly secret: string;
  /** SHA-256 of the authority's public key, base64url; never travels. `null`: without TLS. */
  readonly fingerprint: string | null;
}

/** A SHA-256 in base64url, without padding. */
const fingerprintPattern = /^[A-Za-z0-9_-]{43}$/;

/** Anything that survives a copy out of a terminal. */
const secretPattern = /^[!-\-/-~]{1,256}$/;

/**
 * Reads a token as people paste it.
 *
 * @throws USAGE_INVALID, and says what is wrong with it without repeating it
 */
export function parseToken(text: string): Token {
  const [secret = "", fingerprint = null, ...more] = text.trim().split(".");
  if (more.length > 0) throw noToken("it has more than one dot");
  if (!secretPattern.test(secret)) {
    throw noToken(
      secret === ""
        ? "there is nothing in front of the dot"
        : "it has characters other than visible ASCII ones, or more than 256",
    );
  }
  if (fingerprint !== null && !fingerprintPattern.test(fingerprint)) {
    throw noToken(
      `behind its dot are ${fingerprint.length} characters, but a fingerprint has 43 letters, digits, - and _`,
    );
  }
  return { secret, fingerprint };
}

export function formatToken({ secret, fingerprint }: Token): string {
  return fingerprint === null ? secret : `${secret}.${fingerprint}`;
}

function noToken(why: string): CodedError {
  return new CodedError(
    "USAGE_INVALID",
    `that is no token: ${why}; copy the whole line that the coordinator printed (SECRET or SECRET.FINGERPRINT)`,
  );
}
