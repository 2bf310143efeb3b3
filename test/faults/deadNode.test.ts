import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cordoned, generations, nodesOf, release, talosVersions } from '../support/engine-cluster';
import { EngineLab } from '../support/engine-lab';
import { holds } from '../support/verdict';

const NODES = ['k8s-ctrl-1', 'k8s-ctrl-2', 'k8s-ctrl-3', 'k8s-work-1', 'k8s-work-2', 'k8s-work-3', 'k8s-work-5'];
const NODE = 'k8s-work-5';
const VM = 8008;

/** Its replicas were moved when it was replaced before: what is lost with it are the pods that ran there. */
describe('a worker whose machine is dead is replaced', () => {
  let engine: EngineLab;

  before(async () => {
    const rollout = { healthPasses: 1, drainTimeout: 90, drainAttempts: 1, strategy: 'replace' };
    engine = await EngineLab.start({ base: 160, nodes: NODES, rollout });
    const up = await engine.proxOps('up');
    assert.equal(up.code, 0, up.output);
    await engine.lab.armed();
    await release(engine, 'v1.12.4');
    const roll = await engine.proxOps('roll', '--yes', '--nodes', NODE);
    assert.equal(roll.code, 0, roll.output);
    await release(engine, 'v1.12.5');
  });

  after(async () => {
    await engine?.close();
  });

  /** Until Kubernetes has noticed, a kubelet that ends no pod is one that is slow. */
  async function silent(): Promise<void> {
    const kubeconfig = join(engine.project, 'kubeconfig');
    writeFileSync(kubeconfig, await engine.lab.parts.kubernetes.adminKubeconfig(), { mode: 0o600 });
    const wait = [
      '--kubeconfig',
      kubeconfig,
      'wait',
      '--for=condition=Ready=Unknown',
      `node/${NODE}`,
      '--timeout=120s',
    ];
    const { code, output } = await engine.runWith({}, 'kubectl', ...wait);
    assert.equal(code, 0, output);
    rmSync(kubeconfig);
  }

  it('is declared out of service once its VM is seen to be off; its pods go, and its successor serves again', async () => {
    const before = generations(engine);
    engine.lab.parts.proxmox.byHand.stop(VM);
    await silent();
    const { code, output } = await engine.proxOps('roll', '--yes', '--nodes', NODE);
    assert.equal(code, 0, output);
    assert.match(output, /its kubelet is silent and its VM is off: declared out of service/);
    assert.match(output, /in service again/);
    assert.notEqual(generations(engine)[NODE], before[NODE]);
    assert.equal(talosVersions(engine)[NODE], 'v1.12.5');
    assert.equal(await cordoned(engine, NODE), false);
    assert.ok((await nodesOf(engine, 'shop', 'web')).length > 0);
    await holds(engine);
  });
});
