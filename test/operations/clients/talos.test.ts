import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TalosCli } from '../../../operations/src/clients/talos';
import { TalosError } from '../../../operations/src/index';
import {
  parseEtcdStatus,
  parseExtensions,
  parseMachineStatus,
  parseMembers,
  UnexpectedOutput,
} from '../../../operations/src/clients/talosOutput';

const CONFIG = 'contexts:\n  test:\n    key: c2VjcmV0\n';

describe('talosctl client', () => {
  let directory: string;
  let talos: TalosCli;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'prox-ops-test-talosctl-'));
    talos = new TalosCli(CONFIG, join(directory, 'talosctl'));
  });

  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  /** A talosctl that notes how it was called, and then runs `script`. */
  const program = (script: string): void => {
    const note = `const fs = require('node:fs'); const args = process.argv.slice(2);
      const file = args[args.indexOf('--talosconfig') + 1];
      const has = args.includes('--talosconfig');
      fs.writeFileSync('${directory}/call.json', JSON.stringify({ args, config: has && fs.readFileSync(file, 'utf8'),
        mode: has && (fs.statSync(file).mode & 0o777), dirMode: has && (fs.statSync(require('node:path').dirname(file)).mode & 0o777) }));`;
    writeFileSync(join(directory, 'talosctl'), `#!${process.execPath}\n${note}\n${script}\n`);
    chmodSync(join(directory, 'talosctl'), 0o755);
  };
  const call = (): { args: string[]; config: string; mode: number; dirMode: number } =>
    JSON.parse(readFileSync(join(directory, 'call.json'), 'utf8'));
  const prints = (text: string): void => program(`process.stdout.write(${JSON.stringify(text)});`);

  it('hands the talosconfig over in a private file that is gone afterwards, and nothing secret in the arguments (I7)', async () => {
    prints('{"version":{"tag":"v1.13.0"}}\n');
    assert.equal(await talos.version('10.0.0.1'), 'v1.13.0');
    const { args, config, mode, dirMode } = call();
    assert.deepEqual([config, mode, dirMode], [CONFIG, 0o600, 0o700]);
    assert.equal(args.join(' ').includes('c2VjcmV0'), false);
    const file = args[args.indexOf('--talosconfig') + 1] ?? '';
    assert.equal(existsSync(file), false);
    assert.equal(existsSync(join(file, '..')), false);
  });

  it('asks the node itself', async () => {
    prints('{"version":{"tag":"v1.13.0"}}\n');
    await talos.version('10.0.0.1');
    const { args } = call();
    assert.equal(args[args.indexOf('--endpoints') + 1], '10.0.0.1');
    assert.equal(args[args.indexOf('--nodes') + 1], '10.0.0.1');
  });

  it('exit code 0 with a warning and no row is no answer', async () => {
    program(`process.stderr.write('WARNING: 1 error occurred: 10.0.0.1: rpc error: code = Unavailable\\n');`);
    await assert.rejects(talos.machineStatus('10.0.0.1'), UnexpectedOutput);
    await assert.rejects(talos.etcdMembers('10.0.0.1'), UnexpectedOutput);
    await assert.rejects(talos.version('10.0.0.1'), UnexpectedOutput);
  });

  it('tells unreachable, foreign and not found apart', async () => {
    const failing = async (words: string): Promise<string> => {
      program(`process.stderr.write(${JSON.stringify(words)}); process.exit(1);`);
      const error: unknown = await talos.machineStatus('10.0.0.1').catch((thrown: unknown) => thrown);
      assert.ok(error instanceof TalosError, String(error));
      return error.trouble;
    };
    assert.equal(await failing('rpc error: code = Unavailable desc = connection refused'), 'unreachable');
    assert.equal(
      await failing('tls: failed to verify certificate: x509: certificate signed by unknown authority'),
      'foreign',
    );
    assert.equal(await failing('error reading server preface: remote error: tls: certificate required'), 'foreign');
    assert.equal(await failing('rpc error: code = NotFound desc = no such member'), 'not-found');
    assert.equal(await failing('rpc error: code = PermissionDenied desc = not authorized'), 'other');
  });

  it('is started without configuration for a machine in maintenance mode', async () => {
    prints(
      '{\n    "metadata": {},\n    "node": "",\n    "spec": {"stage": "maintenance", "status": {"ready": true}}\n}\n',
    );
    assert.equal((await talos.maintenanceStatus('10.0.0.1')).stage, 'maintenance');
    assert.ok(call().args.includes('--insecure'));
    assert.equal(call().args.includes('--talosconfig'), false);
  });

  it('a missing program says what to do', async () => {
    await assert.rejects(talos.version('10.0.0.1'), /put talosctl on PATH or name it in PROX_OPS_TALOSCTL/);
  });

  it('a reboot is asked for and not waited for', async () => {
    prints('');
    await talos.reboot('10.0.0.1', 'powercycle');
    assert.equal(call().args.slice(0, 4).join(' '), 'reboot --mode powercycle --wait=false');
  });

  describe('output', () => {
    const members = [
      'NODE       ID                 HOSTNAME   PEER URLS               CLIENT URLS             LEARNER',
      '10.0.0.1   c2bd1d1e7d7b9a01   c1         https://10.0.0.1:2380   https://10.0.0.1:2379   false',
      '10.0.0.1   ffffffffffffffff              https://10.0.0.2:2380                           true',
      '',
    ].join('\n');

    it('members: ids keep all their digits, and a member that never started has no name', () => {
      assert.deepEqual(parseMembers(members), [
        { id: 'c2bd1d1e7d7b9a01', hostname: 'c1', peerUrls: ['https://10.0.0.1:2380'], learner: false },
        { id: 'ffffffffffffffff', hostname: '', peerUrls: ['https://10.0.0.2:2380'], learner: true },
      ]);
    });

    it('status, with blanks inside its cells', () => {
      const text = [
        'NODE       MEMBER             DB SIZE   IN USE            LEADER             RAFT INDEX   RAFT TERM   RAFT APPLIED INDEX   LEARNER   PROTOCOL   STORAGE   ERRORS',
        '10.0.0.1   c2bd1d1e7d7b9a01   2.0 MB    1.0 MB (50.00%)   c2bd1d1e7d7b9a01   1234         2           1230                 false     3.6.0      3.6.0     NOSPACE, CORRUPT',
        '',
      ].join('\n');
      assert.deepEqual(parseEtcdStatus(text), {
        id: 'c2bd1d1e7d7b9a01',
        leader: 'c2bd1d1e7d7b9a01',
        raftIndex: 1234,
        raftAppliedIndex: 1230,
        learner: false,
        errors: 'NOSPACE, CORRUPT',
      });
    });

    it('a table with other columns is not guessed at', () => {
      assert.throws(() => parseMembers('NODE   NAME\na   b\n'), /expected talosctl to print the columns ID, HOSTNAME/);
      assert.throws(() => parseMembers(''), UnexpectedOutput);
    });

    it('objects one after the other', () => {
      const one = (name: string, version: string): string =>
        `{\n    "node": "10.0.0.1",\n    "spec": {\n        "metadata": {\n            "name": "${name}",\n            "version": "${version}"\n        }\n    }\n}\n`;
      assert.deepEqual(parseExtensions(one('drbd', '9') + one('schematic', 'abc')), [
        { name: 'drbd', version: '9' },
        { name: 'schematic', version: 'abc' },
      ]);
      assert.equal(parseMachineStatus(''), undefined);
      assert.throws(() => parseExtensions('{broken'), UnexpectedOutput);
    });

    it('a machine that is not ready says why', () => {
      const status =
        '{"spec":{"stage":"booting","status":{"ready":false,"unmetConditions":[{"name":"services","reason":"kubelet not running"}]}}}';
      assert.deepEqual(parseMachineStatus(status), {
        stage: 'booting',
        ready: false,
        unmet: ['services: kubelet not running'],
      });
    });
  });
});
