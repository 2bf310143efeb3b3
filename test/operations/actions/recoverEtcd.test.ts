import assert from 'node:assert/strict';
import { recoverEtcd, TalosError } from '../../../operations/src/index';
import { Stop } from '../../../operations/src/runtime/errors';
import { VirtualClock } from '../support/virtualClock';

type Answer = Error | undefined;

/** A machine that answers each call with what comes next; the last answer stays. */
class Machine {
  readonly calls: string[] = [];
  readonly up: Answer[] = [undefined];
  readonly takes: Answer[] = [undefined];
  readonly runs: (Error | string[])[] = [['c1']];
  service = 'Running';

  private next<T>(answers: T[]): T {
    const [first] = answers;
    return answers.length > 1 ? (answers.shift() as T) : (first as T);
  }

  private async reply(call: string, answers: Answer[]): Promise<void> {
    this.calls.push(call);
    const error = this.next(answers);
    if (error) throw error;
    return Promise.resolve();
  }

  async machineStatus() {
    await this.reply('status', this.up);
    return { stage: 'booting', ready: false, unmet: [] };
  }

  recoverEtcd(_address: string, snapshot: string): Promise<void> {
    return this.reply(`recover ${snapshot}`, this.takes);
  }

  etcdMembers() {
    const found = this.next(this.runs);
    if (found instanceof Error) return Promise.reject(found);
    return Promise.resolve(found.map((hostname) => ({ id: 'abc', hostname, peerUrls: [], learner: false })));
  }

  serviceState(): Promise<string> {
    return Promise.resolve(this.service);
  }
}

const away = new TalosError('unreachable', 'connection refused');
const other = (words: string) => new TalosError('other', words);

describe('etcd from a snapshot', () => {
  let clock: VirtualClock;
  let machine: Machine;
  let lines: string[];

  beforeEach(() => {
    clock = new VirtualClock();
    machine = new Machine();
    lines = [];
  });

  const recover = (): Promise<void> =>
    clock.run(
      recoverEtcd({
        ...{ talos: machine, name: 'c1', address: '10.0.0.1', snapshot: '/etcd.db', timeout: 60, clock },
        signal: new AbortController().signal,
        report: (line) => void lines.push(line),
      }),
    );

  const stopped = (says: RegExp) =>
    assert.rejects(recover(), (error: unknown) => {
      assert.ok(error instanceof Stop);
      assert.match(error.message, says);
      return true;
    });

  const recoveries = () => machine.calls.filter((call) => call.startsWith('recover')).length;

  it('is handed over once the machine is up and takes it, and waited for', async () => {
    machine.up.unshift(away, new TalosError('foreign', 'x509: certificate signed by unknown authority'));
    machine.takes.unshift(other('code = FailedPrecondition desc = etcd service is not ready for recovery yet'));
    machine.runs.unshift(away, [], ['c2']);
    await recover();
    assert.equal(recoveries(), 2);
    assert.equal(machine.calls[0], 'status');
    assert.match(lines.join('\n'), /c1 takes the snapshot[^]*etcd runs from the snapshot/);
  });

  for (const words of [
    'code = AlreadyExists desc = etcd data directory is not empty',
    'etcd data directory is not empty',
  ])
    it(`is not handed over twice: ${words}`, async () => {
      machine.takes.unshift(other(words));
      await recover();
      assert.equal(recoveries(), 1);
      assert.match(lines.join('\n'), /its recovery was begun before/);
    });

  it('that the machine refuses is no reason to try again', async () => {
    machine.takes.unshift(other('snapshot file integrity check failed'));
    await stopped(/expected the machine to take the snapshot; found .*integrity/);
    assert.equal(recoveries(), 1);
  });

  it('that etcd cannot be made from shows in the service, and says the way out', async () => {
    machine.runs.splice(0, 1, away);
    machine.service = 'Failed: error recovering from the snapshot: invalid database';
    await stopped(/found Failed: error recovering from the snapshot/);
  });

  it('gives up on a machine that never comes up', async () => {
    machine.up.splice(0, 1, away);
    await stopped(/expected c1 ready for its etcd within 60 s; found connection refused/);
    assert.equal(recoveries(), 0);
  });
});
