import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import * as s3 from '@aws-sdk/client-s3';
import { policyStatements } from '../../components/stateBackendRules';
import { LAB_STACK } from '../../lab/inventory/project';
import { freePorts } from '../../lab/kubernetes/ports';
import { S3_REGION, S3Server } from '../../lab/s3/server';
import { ensureTools } from '../../lab/tools/index';
import { createAuthority, issue } from '../../lab/world/certificates';
import { generations, powerCut, release, seen, talosVersions } from '../support/engine-cluster';
import { EngineLab } from '../support/engine-lab';
import { testAddress } from '../support/network';
import { holds } from '../support/verdict';

const BASE = 152;
const NODES = ['k8s-ctrl-1', 'k8s-ctrl-2', 'k8s-ctrl-3', 'k8s-work-1', 'k8s-work-2', 'k8s-work-3'];
const WORKER = 'k8s-work-1';
const BUCKET = 'states';
const FOLDER = 'clusters';
const STATE = `${FOLDER}/.pulumi/stacks/prox-ops/${LAB_STACK}.json`;
const ADMINISTRATOR = { accessKeyId: 'lab', secretAccessKey: 'only-for-the-lab' };
const OPERATOR = { accessKeyId: 'operator', secretAccessKey: 'only-for-the-lab-as-well' };

/** What docs/state-backend.md says that a run needs. */
const NEEDED = {
  bucket: ['s3:ListBucket'],
  objects: ['s3:GetObject', 's3:PutObject', 's3:DeleteObject'],
};

/** The main stack with its state in a real S3 server, over TLS, as a user who may do no more than the page says. */
describe('R004-FR4 a cluster with its state in an S3 bucket', () => {
  let engine: EngineLab;
  let secure: S3Server;
  let plain: S3Server;
  let client: s3.S3Client;
  let trusted: string;

  before(async () => {
    process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';
    engine = await EngineLab.start({ base: BASE, nodes: NODES, rollout: { healthPasses: 1, lockTimeout: 1 } });
    await startServers();
    client = clientFor(secure, ADMINISTRATOR);
    await client.send(new s3.CreateBucketCommand({ Bucket: BUCKET }));
    const versions = { Bucket: BUCKET, VersioningConfiguration: { Status: 'Enabled' as const } };
    await client.send(new s3.PutBucketVersioningCommand(versions));
    await client.send(new s3.PutBucketPolicyCommand({ Bucket: BUCKET, Policy: bucketPolicy() }));
    Object.assign(engine.environment, {
      PULUMI_BACKEND_URL: secure.backendUrl(`${BUCKET}/${FOLDER}`),
      AWS_ACCESS_KEY_ID: OPERATOR.accessKeyId,
      AWS_SECRET_ACCESS_KEY: OPERATOR.secretAccessKey,
      AWS_EC2_METADATA_DISABLED: 'true',
    });
  });

  after(async () => {
    await engine?.close();
    client?.destroy();
    await secure?.stop();
    await plain?.stop();
  });

  /** One server with a certificate and one without, over the same objects. */
  async function startServers(): Promise<void> {
    const host = testAddress(BASE, '0.2');
    const folder = join(dirname(engine.project), 's3');
    mkdirSync(folder, { mode: 0o700 });
    const authority = await createAuthority({ commonName: 'S3', algorithm: 'ecdsa' });
    const { crt, key } = await issue(authority, { commonName: host, ips: [host], server: true });
    const tls = { certificate: join(folder, 'tls.crt'), key: join(folder, 'tls.key') };
    writeFileSync(tls.certificate, crt);
    writeFileSync(tls.key, key, { mode: 0o600 });
    trusted = authority.crt;
    for (const variable of ['SSL_CERT_FILE', 'NODE_EXTRA_CA_CERTS']) {
      const own = readFileSync(engine.lab.processEnvironment()[variable] ?? '', 'utf8');
      engine.environment[variable] = join(folder, `${variable}.crt`);
      writeFileSync(engine.environment[variable], `${own}\n${trusted}`);
    }
    // It would win over SSL_CERT_FILE for S3 alone.
    engine.environment.AWS_CA_BUNDLE = engine.environment.SSL_CERT_FILE ?? '';
    const [one = 0, other = 0] = await freePorts(host, 2);
    const { versitygw: binary } = await ensureTools(['versitygw']);
    const common = { binary, directory: folder, host, credentials: ADMINISTRATOR, users: [OPERATOR] };
    secure = new S3Server({ ...common, port: one, tls });
    plain = new S3Server({ ...common, port: other });
    await secure.start();
    await plain.start();
  }

  function clientFor(server: S3Server, credentials: typeof OPERATOR): s3.S3Client {
    const requestHandler = { httpsAgent: { ca: trusted } };
    return new s3.S3Client({
      endpoint: server.endpoint,
      region: S3_REGION,
      forcePathStyle: true,
      credentials,
      requestHandler,
    });
  }

  /** The component's own rule against plain HTTP; this server knows no header of encryption to make a rule of. */
  function bucketPolicy(): string {
    const arn = `arn:aws:s3:::${BUCKET}`;
    const [noPlainHttp] = policyStatements(arn, { algorithm: 'AES256' });
    const allowed = (Action: string[], Resource: string) => ({
      Effect: 'Allow',
      Principal: { AWS: OPERATOR.accessKeyId },
      Action,
      Resource,
    });
    const Statement = [noPlainHttp, allowed(NEEDED.bucket, arn), allowed(NEEDED.objects, `${arn}/*`)];
    return JSON.stringify({ Version: '2012-10-17', Statement });
  }

  async function versions(): Promise<number> {
    const { Versions = [] } = await client.send(new s3.ListObjectVersionsCommand({ Bucket: BUCKET, Prefix: STATE }));
    return Versions.filter(({ Key }) => Key === STATE).length;
  }

  it('is built by a user with no other rights than the page names, and every state of it is kept', async () => {
    const up = await engine.proxOps('up');
    assert.equal(up.code, 0, up.output);
    await engine.lab.armed();
    const again = await engine.pulumi(['preview', '--expect-no-changes']);
    assert.equal(again.code, 0, again.output);
    const kept = await versions();
    assert.ok(kept > 30, `${kept} versions`);
  });

  it('is not handed out over plain HTTP, to the same user', async () => {
    const object = new s3.GetObjectCommand({ Bucket: BUCKET, Key: STATE });
    const [overTls, inPlain] = [clientFor(secure, OPERATOR), clientFor(plain, OPERATOR)];
    assert.ok((await (await overTls.send(object)).Body?.transformToString())?.includes('"deployment"') !== undefined);
    await assert.rejects(inPlain.send(object), /AccessDenied|explicit deny/);
    overTls.destroy();
    inPlain.destroy();
    const PULUMI_BACKEND_URL = plain.backendUrl(`${BUCKET}/${FOLDER}`);
    const up = await engine.proxOpsWith({ PULUMI_BACKEND_URL }, 'up');
    assert.equal(up.code, 2, up.output);
    assert.match(up.output, /can't be read, and nothing is begun without it/);
  });

  it("a killed roll's lock is shown with its owner and age and who is at a rollout, cleared, and the roll goes on", async () => {
    const before = generations(engine);
    await release(engine, 'v1.12.4');
    const roll = engine.begin('roll', '--yes', '--json', '--nodes', WORKER);
    await seen(roll, /"phase\.started","node":"k8s-work-1","phase":"evacuate"/);
    powerCut(roll);
    await once(roll, 'close');
    const unlock = await engine.proxOps('unlock');
    assert.equal(unlock.code, 0, unlock.output);
    const owner = new RegExp(
      `Stack lock: \\S+@${hostname()} \\(pid \\d+\\), since \\S+, \\d+ s ago; its owner is gone: cleared`,
    );
    assert.match(unlock.output, owner);
    assert.match(unlock.output, /Rollout: held by \S+ \(run \S+\); node k8s-work-1 is out of the cluster/);
    const again = await engine.proxOps('roll', '--yes', '--nodes', WORKER);
    assert.equal(again.code, 0, again.output);
    assert.notEqual(generations(engine)[WORKER], before[WORKER]);
    assert.equal(talosVersions(engine)[WORKER], 'v1.12.4');
    await holds(engine);
  });
});
