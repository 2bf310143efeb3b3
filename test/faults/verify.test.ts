import assert from 'node:assert/strict';
import type { HealthReport } from '../../operations/src/index';
import { EngineLab, type Finished } from '../support/engine-lab';
import { holds } from '../support/verdict';

const NODES = ['k8s-ctrl-1', 'k8s-ctrl-2', 'k8s-ctrl-3', 'k8s-work-1', 'k8s-work-2', 'k8s-work-3'];

describe('R002-6 prox-ops verify on the real engine', () => {
  let engine: EngineLab;

  before(async () => {
    engine = await EngineLab.start({ base: 152, nodes: NODES });
    const up = await engine.proxOps('up');
    assert.equal(up.code, 0, up.output);
    await engine.lab.armed();
  });

  after(async () => {
    await engine?.close();
  });

  const reported = ({ stdout }: Finished): HealthReport => JSON.parse(stdout) as HealthReport;

  /** What is wrong, by check. */
  async function wrong(): Promise<Record<string, string>> {
    const run = await engine.proxOps('verify', '--json');
    const { ok, checks } = reported(run);
    assert.equal(run.code, ok ? 0 : 2, run.output);
    const failed = checks.flatMap(({ id, result }) => (result.outcome === 'fail' ? [[id, result.found]] : []));
    return Object.fromEntries(failed) as Record<string, string>;
  }

  it('a cluster that was just built lacks a snapshot of etcd, and nothing else', async () => {
    const found = await wrong();
    assert.deepEqual(Object.keys(found), ['etcd snapshots'], JSON.stringify(found));
  });

  it('with one, everything is as the stack file says: a table with where each answer comes from, exit code 0', async () => {
    const snapshot = await engine.proxOps('snapshot');
    assert.equal(snapshot.code, 0, snapshot.output);
    const { code, output } = await engine.proxOps('verify');
    assert.equal(code, 0, output);
    assert.match(output, /checks passed/);
    assert.match(output, /versions +│ 6 nodes: Talos v1\.11\.3/);
    assert.match(output, /links +│ 12 NICs up, 12 with their address/);
    assert.match(output, /vlans +│ VLANs 62, 81 on 6 VMs/);
    assert.match(output, /volsync +│ source data\/db synced/);
    assert.match(output, /ingress +│ 1 reachable/);
    assert.match(output, /talosctl time of every node/);
    const { checks } = reported(await engine.proxOps('verify', '--json'));
    assert.deepEqual(
      checks.filter(({ result }) => result.outcome !== 'pass').map(({ id }) => id),
      ['gpu'],
    );
  });

  it('what is not as it should be is told by check and node', async () => {
    const { faults } = engine.lab;
    faults.set('clock-behind', 'k8s-work-1');
    faults.set('talos-unreachable', 'k8s-work-2');
    faults.set('resource-faulty', 'k8s-work-3');
    const found = await wrong();
    assert.match(found.clocks ?? '', /k8s-work-1: 90\.0 s off/);
    for (const id of ['versions', 'images', 'links', 'clocks', 'certificates'])
      assert.match(found[id] ?? '', /k8s-work-2/, id);
    assert.match(found.replicas ?? '', /1 of 2 replicas UpToDate/);
    assert.ok(found.storage);
    faults.clear();
    assert.deepEqual(await wrong(), {});
    await holds(engine);
  });
});
