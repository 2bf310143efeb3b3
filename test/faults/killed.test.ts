import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { PHASES, type Phase } from '../../driver/phases';
import { generations, powerCut, release, seen, talosVersions } from '../support/engine-cluster';
import { EngineLab } from '../support/engine-lab';
import { holds } from '../support/verdict';

const NODES = ['k8s-ctrl-1', 'k8s-ctrl-2', 'k8s-ctrl-3', 'k8s-work-1', 'k8s-work-2', 'k8s-work-3'];
const RELEASES = ['v1.12.4', 'v1.12.5'];
const ONLY_CONTROL_PLANES: Phase[] = ['etcd leave', 'etcd join'];

const DEATHS: Record<string, (driver: ChildProcess) => void> = {
  'the driver alone is killed, its engine lives on': (driver) => driver.kill('SIGKILL'),
  'driver, engine and providers are killed at once': powerCut,
};

/** Every test leaves the cluster whole, on the release it rolled to. */
describe('I8 killed at each step of a replacement, then run again', () => {
  let engine: EngineLab;
  let turns = 0;

  before(async () => {
    engine = await EngineLab.start({ base: 112, nodes: NODES, rollout: { healthPasses: 1 } });
    const up = await engine.proxOps('up');
    assert.equal(up.code, 0, up.output);
    await engine.lab.armed();
  });

  after(async () => {
    await engine.close();
  });

  for (const [death, kill] of Object.entries(DEATHS)) {
    describe(death, () => {
      for (const node of ['k8s-ctrl-2', 'k8s-work-2']) {
        for (const phase of PHASES) {
          if (node === 'k8s-work-2' && ONLY_CONTROL_PLANES.includes(phase)) continue;
          it(`${node}: ${phase}`, () => converges(node, phase, kill));
        }
      }
    });
  }

  async function converges(node: string, phase: Phase, kill: (driver: ChildProcess) => void): Promise<void> {
    const target = RELEASES[turns++ % RELEASES.length] as string;
    await release(engine, target);
    const before = generations(engine);
    const driver = engine.begin('roll', '--yes', '--json', '--nodes', node);
    const finished = engine.finished(driver);
    await seen(driver, new RegExp(`"phase\\.started","node":"${node}","phase":"${phase}"`));
    kill(driver);
    await finished;
    const again = await engine.proxOps('roll', '--yes', '--nodes', node);
    assert.equal(again.code, 0, again.output);
    assert.notEqual(generations(engine)[node], before[node], `${node} was not replaced`);
    assert.equal(talosVersions(engine)[node], target);
    await holds(engine);
  }
});
