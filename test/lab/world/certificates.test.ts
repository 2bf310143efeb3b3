import assert from 'node:assert/strict';
import { X509Certificate, createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { request, createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import {
  CertificateError,
  createAuthority,
  issue,
  loadAuthority,
  type Authority,
  type Pem,
} from '../../../lab/world/certificates.js';

describe('lab certificates', () => {
  for (const algorithm of ['ed25519', 'ecdsa'] as const) {
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      it(`serve ${maxVersion} with an ${algorithm} authority, an IP SAN and a client certificate`, async () => {
        const authority = await createAuthority({ commonName: 'lab', algorithm });
        const server = await issue(authority, { commonName: 'node', ips: ['127.0.0.1'], dns: ['node.lab'] });
        const client = await issue(authority, { commonName: 'admin', organization: 'os:admin', client: true });
        assert.deepEqual(await handshake(authority, server, client, maxVersion), { CN: 'admin', O: 'os:admin' });
      });
    }
  }

  it('chain by key identifier and carry the authority names and usages Go asks for', async () => {
    const authority = await createAuthority({ commonName: 'kubernetes', organization: 'lab', algorithm: 'ecdsa' });
    const leaf = await issue(authority, {
      commonName: 'system:kube-scheduler',
      organization: ['a', 'b'],
      client: true,
      server: true,
      days: 2,
    });
    const ca = new X509Certificate(authority.crt);
    const crt = new X509Certificate(leaf.crt);
    assert.equal(ca.ca, true);
    assert.equal(crt.ca, false);
    assert.ok(crt.checkIssued(ca) && crt.verify(ca.publicKey));
    assert.equal(crt.subject, 'O=a\nO=b\nCN=system:kube-scheduler');
    assert.deepEqual(crt.keyUsage, ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
    assert.ok(crt.checkPrivateKey(createPrivateKey(leaf.key)));
    const days = (Date.parse(crt.validTo) - Date.now()) / 86_400_000;
    assert.ok(days > 1.9 && days <= 2, `${days} days`);
  });

  it("take over Talos' Ed25519 label, which OpenSSL refuses", async () => {
    const { crt, key } = await createAuthority({ commonName: 'talos', algorithm: 'ed25519' });
    const talos = key.replaceAll('PRIVATE KEY', 'ED25519 PRIVATE KEY');
    assert.throws(() => createPrivateKey(talos));
    await assertSigns(await loadAuthority(crt, talos));
  });

  it('take over an ECDSA key as SEC1 and as PKCS8', async () => {
    const { crt, key } = await createAuthority({ commonName: 'kubernetes', algorithm: 'ecdsa' });
    const sec1 = createPrivateKey(key).export({ type: 'sec1', format: 'pem' }) as string;
    assert.match(sec1, /BEGIN EC PRIVATE KEY/);
    await assertSigns(await loadAuthority(crt, sec1));
    await assertSigns(await loadAuthority(crt, key));
  });

  it('refuse a key of another certificate, an RSA key, and text that is no key', async () => {
    const one = await createAuthority({ commonName: 'one', algorithm: 'ed25519' });
    const two = await createAuthority({ commonName: 'two', algorithm: 'ed25519' });
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
    const rsaPem = rsa.export({ type: 'pkcs8', format: 'pem' }) as string;
    await assert.rejects(loadAuthority(one.crt, two.key), /belongs to the certificate/);
    await assert.rejects(loadAuthority(one.crt, rsaPem), /expected an Ed25519 or ECDSA key, found rsa/);
    await assert.rejects(loadAuthority(one.crt, 'secret'), (error: Error) => {
      return error instanceof CertificateError && !error.message.includes('secret');
    });
    await assert.rejects(loadAuthority('none', one.key), /expected a certificate/);
  });

  it('refuse a name that is no IP address as an IP SAN', async () => {
    const authority = await createAuthority({ commonName: 'lab', algorithm: 'ed25519' });
    await assert.rejects(issue(authority, { commonName: 'x', ips: ['node-1'] }), /IP address, found 'node-1'/);
  });
});

async function assertSigns(authority: Authority): Promise<void> {
  const leaf = new X509Certificate((await issue(authority, { commonName: 'leaf' })).crt);
  const ca = new X509Certificate(authority.crt);
  assert.ok(leaf.checkIssued(ca) && leaf.verify(ca.publicKey));
}

/** One request with mutual TLS; answers the client's subject as the server saw it. */
async function handshake(authority: Pem, server: Pem, client: Pem, maxVersion: 'TLSv1.2' | 'TLSv1.3') {
  let subject: Record<string, unknown> = {};
  const tls = { cert: server.crt, key: server.key, ca: authority.crt, requestCert: true, rejectUnauthorized: true };
  const https = createServer(tls, (req, res) => {
    subject = { ...(req.socket as TLSSocket).getPeerCertificate().subject };
    res.end();
  });
  try {
    await once(https.listen(0, '127.0.0.1'), 'listening');
    const { port } = https.address() as AddressInfo;
    const options = { host: '127.0.0.1', port, ca: authority.crt, cert: client.crt, key: client.key, maxVersion };
    const [res] = await once(request({ ...options, agent: false }).end(), 'response');
    await once(res.resume(), 'end');
    return subject;
  } finally {
    https.close();
    https.closeAllConnections();
  }
}
