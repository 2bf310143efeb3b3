import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import * as s3 from '@aws-sdk/client-s3';
import { createLabProject, LAB_PASSPHRASE, LAB_STACK } from '../../lab/inventory/project';
import { freePorts } from '../../lab/kubernetes/ports';
import { S3_REGION, S3Server } from '../../lab/s3/server';
import { ensureTools, launchersDirectory } from '../../lab/tools/index';
import { powerCut, seen } from '../support/engine-cluster';
import { testAddress, testNetwork } from '../support/network';
import { REPOSITORY } from '../support/stack-files';

const BASE = 28;
const BUCKET = 'states';
const LOCKS = `.pulumi/locks/organization/prox-ops/${LAB_STACK}/`;
const STATE = `.pulumi/stacks/prox-ops/${LAB_STACK}.json`;

interface Finished {
  code: number | null;
  output: string;
  stdout: string;
}

interface Deployment {
  version: number;
  deployment: { resources: { outputs?: unknown }[] };
}

/** The real Pulumi CLI with its state in a real S3 server that keeps versions. */
describe('the state in an S3 bucket', () => {
  let root: string;
  let server: S3Server;
  let client: s3.S3Client;
  let environment: NodeJS.ProcessEnv;
  const children = new Set<ChildProcess>();

  before(async () => {
    process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';
    root = mkdtempSync(join(tmpdir(), 'prox-ops-backend-'));
    const tools = await ensureTools(['pulumi', 'versitygw']);
    const host = testAddress(BASE, '0.1');
    const [port = 0] = await freePorts(host, 1);
    const credentials = { accessKeyId: 'lab', secretAccessKey: 'only-for-the-lab' };
    server = new S3Server({ binary: tools.versitygw, directory: join(root, 's3'), host, port, credentials });
    await server.start();
    client = new s3.S3Client({ endpoint: server.endpoint, region: S3_REGION, forcePathStyle: true, credentials });
    await client.send(new s3.CreateBucketCommand({ Bucket: BUCKET }));
    const versions = { Bucket: BUCKET, VersioningConfiguration: { Status: 'Enabled' as const } };
    await client.send(new s3.PutBucketVersioningCommand(versions));
    environment = {
      ...process.env,
      PATH: [launchersDirectory(), dirname(tools.pulumi), process.env.PATH].join(delimiter),
      PULUMI_HOME: join(root, 'home'),
      PULUMI_STACK: LAB_STACK,
      PULUMI_BACKEND_URL: server.backendUrl(BUCKET),
      PULUMI_CONFIG_PASSPHRASE: LAB_PASSPHRASE,
      PULUMI_SKIP_UPDATE_CHECK: 'true',
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      AWS_EC2_METADATA_DISABLED: 'true',
    };
    const project = { directory: join(root, 'project'), repository: REPOSITORY, network: testNetwork(BASE) };
    createLabProject({ ...project, rollout: { lockTimeout: 1 } });
    holdingProject();
    const init = await pulumi('stack', 'init', LAB_STACK);
    assert.equal(init.code, 0, init.output);
  });

  after(async () => {
    for (const child of children) powerCut(child);
    await server.stop();
    client.destroy();
    rmSync(root, { recursive: true, force: true });
  });

  it('refuses a second run, naming the first one, and changes nothing', async () => {
    const holder = await hold();
    const before = await versions(STATE);
    const second = await proxOps('up');
    assert.equal(second.code, 5, second.output);
    assert.match(second.output, new RegExp(`held by \\S+@${hostname()} \\(pid \\d+\\) since \\S+, which is at work`));
    assert.deepEqual(await versions(STATE), before);
    const unlock = await proxOps('unlock');
    assert.equal(unlock.code, 5, unlock.output);
    assert.match(unlock.output, /its owner is at work: left alone/);
    assert.equal((await locks()).length, 1);
    powerCut(holder);
    await once(holder, 'close');
  });

  it("shows a dead run's lock with its owner and age, and clears it", async () => {
    assert.equal((await locks()).length, 1, 'the killed run left its lock');
    const unlock = await proxOps('unlock');
    assert.equal(unlock.code, 0, unlock.output);
    assert.match(
      unlock.output,
      new RegExp(`Stack lock: \\S+@${hostname()} \\(pid \\d+\\), since \\S+, \\d+ s ago; its owner is gone: cleared`),
    );
    assert.match(unlock.output, /Rollout: not known/);
    assert.deepEqual(await locks(), []);
    assert.match((await proxOps('unlock')).output, /Stack lock: none/);
  });

  it("clears another machine's lock for a person who names its owner, and for no other word", async () => {
    const lock = { pid: 1, username: 'ops', hostname: 'elsewhere', timestamp: new Date().toISOString() };
    const Key = `${LOCKS}0b1c.json`;
    await client.send(new s3.PutObjectCommand({ Bucket: BUCKET, Key, Body: JSON.stringify(lock) }));
    const asked = await proxOps('unlock');
    assert.equal(asked.code, 5, asked.output);
    assert.match(asked.output, /prox-ops unlock --yes --owner ops@elsewhere/);
    assert.equal((await proxOps('unlock', '--yes')).code, 1);
    assert.equal((await proxOps('unlock', '--yes', '--owner', 'root@elsewhere')).code, 5);
    assert.deepEqual(await locks(), [Key]);
    const told = await proxOps('unlock', '--json', '--yes', '--owner', 'ops@elsewhere');
    assert.equal(told.code, 0, told.output);
    const { locks: shown } = JSON.parse(told.stdout) as { locks: { owner: string; cleared: boolean }[] };
    assert.deepEqual(
      shown.map(({ owner, cleared }) => [owner, cleared]),
      [['elsewhere', true]],
    );
    assert.deepEqual(await locks(), []);
  });

  it('stops before anything begins when the state does not answer, or not to these credentials', async () => {
    const wrong = await proxOps('up', { AWS_SECRET_ACCESS_KEY: 'wrong' });
    assert.equal(wrong.code, 2, wrong.output);
    assert.match(
      wrong.output,
      /state of stack 'lab' can't be read, and nothing is begun without it\.\nBackend: s3:\/\/states/,
    );
    assert.match(wrong.output, /SignatureDoesNotMatch/);
    await server.stop();
    const gone = await proxOps('up');
    await server.start();
    assert.equal(gone.code, 2, gone.output);
    assert.match(gone.output, /nothing is begun without it/);
    assert.match(gone.output, /connection refused/);
    assert.doesNotMatch(gone.output, /\n +at /);
  });

  it('keeps every replaced state: after 30 more writes the first one can be brought back', async () => {
    await write(0, 0);
    const [first = ''] = await versions(STATE);
    await write(1, 30);
    const kept = await versions(STATE);
    assert.ok(kept.indexOf(first) >= 30, `${kept.indexOf(first)} newer versions`);
    await client.send(new s3.PutObjectCommand({ Bucket: BUCKET, Key: STATE, Body: '{"version":' }));
    const damaged = await proxOps('up');
    assert.equal(damaged.code, 2, damaged.output);
    assert.match(damaged.output, /can't be read, and nothing is begun without it/);
    const CopySource = `${BUCKET}/${STATE}?versionId=${first}`;
    await client.send(new s3.CopyObjectCommand({ Bucket: BUCKET, Key: STATE, CopySource }));
    assert.deepEqual((await exported()).deployment.resources[0]?.outputs, { number: 0 });
  });

  it('brings back a state that was deleted', async () => {
    const [latest = ''] = await versions(STATE);
    await client.send(new s3.DeleteObjectCommand({ Bucket: BUCKET, Key: STATE }));
    assert.notEqual((await pulumi('stack', 'export')).code, 0);
    const CopySource = `${BUCKET}/${STATE}?versionId=${latest}`;
    await client.send(new s3.CopyObjectCommand({ Bucket: BUCKET, Key: STATE, CopySource }));
    assert.deepEqual((await exported()).deployment.resources[0]?.outputs, { number: 0 });
  });

  /** Writes states that can be told from each other. */
  async function write(from: number, to: number): Promise<void> {
    const { version, deployment } = await exported();
    const urn = `urn:pulumi:${LAB_STACK}::prox-ops::pulumi:pulumi:Stack::prox-ops-${LAB_STACK}`;
    const file = join(root, 'next.json');
    for (let number = from; number <= to; number++) {
      const resources = [{ urn, custom: false, type: 'pulumi:pulumi:Stack', outputs: { number } }];
      writeFileSync(file, JSON.stringify({ version, deployment: { ...deployment, resources } }));
      const imported = await pulumi('stack', 'import', '--file', file);
      assert.equal(imported.code, 0, imported.output);
    }
  }

  /** The same project and stack, with a program that never ends. */
  function holdingProject(): void {
    const directory = join(root, 'holding');
    mkdirSync(directory);
    writeFileSync(join(directory, 'Pulumi.yaml'), 'name: prox-ops\nruntime: nodejs\nmain: index.js\n');
    writeFileSync(join(directory, 'package.json'), '{"name":"holding"}');
    const program = "console.log('holding'); module.exports = () => new Promise(() => setInterval(() => {}, 60_000));";
    writeFileSync(join(directory, 'index.js'), program);
    symlinkSync(join(REPOSITORY, 'node_modules'), join(directory, 'node_modules'));
  }

  async function hold(): Promise<ChildProcess> {
    const args = ['up', '--yes', '--skip-preview', '--color', 'never', '--non-interactive'];
    const child = start('pulumi', args, join(root, 'holding'));
    await seen(child, /holding/);
    return child;
  }

  async function locks(): Promise<string[]> {
    const { Contents = [] } = await client.send(new s3.ListObjectsV2Command({ Bucket: BUCKET, Prefix: LOCKS }));
    return Contents.map(({ Key = '' }) => Key);
  }

  /** Ids of an object's versions, newest first. */
  async function versions(Prefix: string): Promise<string[]> {
    const { Versions = [] } = await client.send(new s3.ListObjectVersionsCommand({ Bucket: BUCKET, Prefix }));
    return Versions.filter(({ Key }) => Key === Prefix).map(({ VersionId = '' }) => VersionId);
  }

  async function exported(): Promise<Deployment> {
    const { code, stdout, output } = await pulumi('stack', 'export');
    assert.equal(code, 0, output);
    return JSON.parse(stdout) as Deployment;
  }

  function pulumi(...args: string[]): Promise<Finished> {
    return finished(start('pulumi', [...args, '--non-interactive'], join(root, 'project')));
  }

  function proxOps(...args: (string | NodeJS.ProcessEnv)[]): Promise<Finished> {
    const words = args.filter((arg) => typeof arg === 'string');
    const extra = args.find((arg) => typeof arg !== 'string');
    const file = join(REPOSITORY, 'driver/bin/prox-ops.js');
    return finished(start(process.execPath, [file, ...words], join(root, 'project'), extra));
  }

  function start(command: string, args: string[], cwd: string, extra: NodeJS.ProcessEnv = {}): ChildProcess {
    const child = spawn(command, args, { cwd, env: { ...environment, ...extra }, stdio: ['ignore', 'pipe', 'pipe'] });
    children.add(child);
    child.on('close', () => children.delete(child));
    return child;
  }

  async function finished(child: ChildProcess): Promise<Finished> {
    let [stdout, output] = ['', ''];
    child.stdout?.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
      output += chunk.toString();
    });
    child.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, stdout, output };
  }
});
