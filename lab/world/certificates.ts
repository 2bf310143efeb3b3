import { X509Certificate, createPrivateKey, randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';

/** A certificate and its private key as PEM texts; the key is PKCS8. */
export interface Pem {
  crt: string;
  key: string;
}

export type AuthorityAlgorithm = 'ed25519' | 'ecdsa';

/** A certificate authority that can sign. */
export interface Authority extends Pem {
  algorithm: AuthorityAlgorithm;
  certificate: x509.X509Certificate;
  signingKey: webcrypto.CryptoKey;
}

export interface IssueOptions {
  commonName: string;
  /** Subject's O: a Talos role (os:admin) or a Kubernetes group (system:masters). */
  organization?: string | string[];
  /** Subject alternative names. */
  dns?: string[];
  ips?: string[];
  /** Extended key usages; a server certificate when neither is named. */
  client?: boolean;
  server?: boolean;
  /** Days until it expires (365). */
  days?: number;
}

/** A certificate or key could not be used; the message names what was expected and found, never the key. */
export class CertificateError extends Error {}

const DAY = 86_400_000;
const CURVES: Record<string, { name: string; hash: string }> = {
  prime256v1: { name: 'P-256', hash: 'SHA-256' },
  secp384r1: { name: 'P-384', hash: 'SHA-384' },
  secp521r1: { name: 'P-521', hash: 'SHA-512' },
};

/** Makes a self-signed authority, valid for ten years. */
export async function createAuthority(options: {
  commonName: string;
  algorithm: AuthorityAlgorithm;
  organization?: string | string[];
}): Promise<Authority> {
  const keys = await generateKeys(options.algorithm === 'ed25519' ? ED25519 : P256);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: serial(),
      name: subject(options.commonName, options.organization),
      ...validity(3650),
      signingAlgorithm: signatureOf(keys.privateKey),
      keys,
      extensions: [
        new x509.BasicConstraintsExtension(true, undefined, true),
        new x509.KeyUsagesExtension(
          x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
          true,
        ),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  );
  return {
    crt: pemOf(certificate),
    key: await pkcs8Pem(keys.privateKey),
    algorithm: options.algorithm,
    certificate,
    signingKey: keys.privateKey,
  };
}

/**
 * Takes an authority over from PEM texts. Keys may be PKCS8 ('PRIVATE KEY'), SEC1 ('EC PRIVATE KEY') or Talos'
 * Ed25519 form: PKCS8 under the label 'ED25519 PRIVATE KEY', which OpenSSL refuses to read.
 * @throws CertificateError when one of them can't be read, is of another kind, or they don't belong together.
 */
export async function loadAuthority(certPem: string, keyPem: string): Promise<Authority> {
  const certificate = readCertificate(certPem);
  const { signingKey, algorithm, pem } = await readSigningKey(keyPem);
  if (!belongsTo(certificate, pem)) {
    throw new CertificateError('authority: expected a key that belongs to the certificate, found another one');
  }
  return { crt: pemOf(certificate), key: pem, algorithm, certificate, signingKey };
}

/** Makes a key of the authority's kind and a certificate for it. */
export async function issue(authority: Authority, options: IssueOptions): Promise<Pem> {
  const keys = await generateKeys(authority.algorithm === 'ed25519' ? ED25519 : P256);
  const certificate = await x509.X509CertificateGenerator.create(
    {
      serialNumber: serial(),
      subject: subject(options.commonName, options.organization),
      // The encoded name, not its text: a name that is formatted and parsed again need not be the same bytes.
      issuer: authority.certificate.subjectName,
      ...validity(options.days ?? 365),
      signingAlgorithm: signatureOf(authority.signingKey),
      publicKey: keys.publicKey,
      signingKey: authority.signingKey,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension(keyUsages(options)),
        await issuerKey(authority.certificate),
        ...alternativeNames(options),
      ],
    },
    webcrypto,
  );
  return { crt: pemOf(certificate), key: await pkcs8Pem(keys.privateKey) };
}

/**
 * Names the issuer's key as the issuer's own certificate does. Its identifier is any hash its maker liked: Go takes
 * SHA-256 where this library takes SHA-1, and OpenSSL finds no issuer when the two differ.
 */
async function issuerKey(issuer: x509.X509Certificate): Promise<x509.AuthorityKeyIdentifierExtension> {
  const own = issuer.getExtension(x509.SubjectKeyIdentifierExtension);
  if (own) return new x509.AuthorityKeyIdentifierExtension(own.keyId);
  return x509.AuthorityKeyIdentifierExtension.create(issuer, false, webcrypto);
}

const ED25519: webcrypto.AlgorithmIdentifier = 'Ed25519';
const P256: webcrypto.EcKeyGenParams = { name: 'ECDSA', namedCurve: 'P-256' };

async function generateKeys(
  algorithm: webcrypto.AlgorithmIdentifier | webcrypto.EcKeyGenParams,
): Promise<webcrypto.CryptoKeyPair> {
  return (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
}

function keyUsages(options: IssueOptions): x509.ExtendedKeyUsage[] {
  const usages: x509.ExtendedKeyUsage[] = [];
  if (options.server ?? !options.client) usages.push(x509.ExtendedKeyUsage.serverAuth);
  if (options.client) usages.push(x509.ExtendedKeyUsage.clientAuth);
  return usages;
}

function alternativeNames(options: IssueOptions): x509.Extension[] {
  const wrong = (options.ips ?? []).find((ip) => isIP(ip) === 0);
  if (wrong !== undefined) throw new CertificateError(`certificate: expected an IP address, found '${wrong}'`);
  const names: x509.JsonGeneralName[] = [
    ...(options.dns ?? []).map((value) => ({ type: 'dns' as const, value })),
    ...(options.ips ?? []).map((value) => ({ type: 'ip' as const, value })),
  ];
  return names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names)];
}

/** Organizations before the common name, each in a set of its own, as Go writes names. */
function subject(commonName: string, organization: string | string[] = []): x509.JsonName {
  return [...[organization].flat().map((name) => ({ O: [name] })), { CN: [commonName] }];
}

/** From an hour ago, so that a clock that lags a little accepts it. */
function validity(days: number): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - 3_600_000), notAfter: new Date(now + days * DAY) };
}

/** Sixteen random bytes, positive and without leading zero, as RFC 5280 asks. */
function serial(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes.toString('hex');
}

function signatureOf(key: webcrypto.CryptoKey): { name: string; hash?: string } {
  const { name, namedCurve } = key.algorithm as webcrypto.EcKeyAlgorithm;
  const curve = Object.values(CURVES).find((known) => known.name === namedCurve);
  return curve ? { name, hash: curve.hash } : { name };
}

function readCertificate(pem: string): x509.X509Certificate {
  try {
    return new x509.X509Certificate(pem);
  } catch (error) {
    throw new CertificateError(`authority: expected a certificate in PEM, found text that is none`, { cause: error });
  }
}

async function readSigningKey(
  text: string,
): Promise<{ signingKey: webcrypto.CryptoKey; algorithm: AuthorityAlgorithm; pem: string }> {
  const key = parseKey(text);
  const pem = key.export({ type: 'pkcs8', format: 'pem' }) as string;
  const curve = CURVES[key.asymmetricKeyDetails?.namedCurve ?? ''];
  if (key.asymmetricKeyType !== 'ed25519' && !curve) {
    throw new CertificateError(`authority: expected an Ed25519 or ECDSA key, found ${key.asymmetricKeyType ?? '?'}`);
  }
  const signingKey = await webcrypto.subtle.importKey(
    'pkcs8',
    key.export({ type: 'pkcs8', format: 'der' }),
    curve ? { name: 'ECDSA', namedCurve: curve.name } : ED25519,
    true,
    ['sign'],
  );
  return { signingKey, algorithm: curve ? 'ecdsa' : 'ed25519', pem };
}

function parseKey(pem: string): ReturnType<typeof createPrivateKey> {
  try {
    return createPrivateKey(pem.replaceAll('ED25519 PRIVATE KEY', 'PRIVATE KEY'));
  } catch {
    // Without the cause: a parser's error may quote what it read.
    throw new CertificateError('authority: expected a private key in PEM, found text that is none');
  }
}

function belongsTo(certificate: x509.X509Certificate, keyPem: string): boolean {
  return new X509Certificate(Buffer.from(certificate.rawData)).checkPrivateKey(createPrivateKey(keyPem));
}

function pemOf(certificate: x509.X509Certificate): string {
  return `${certificate.toString('pem')}\n`;
}

async function pkcs8Pem(key: webcrypto.CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY') + '\n';
}
