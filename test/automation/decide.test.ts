import assert from 'node:assert/strict';
import type { StackConfig } from '../../config/schema';
import { decide } from '../../driver/ci/decide';
import { production } from '../support/stack-files';

function released(talos: string, kubernetes = 'v1.34.1'): StackConfig {
  const config = production();
  return { ...config, releases: { ...config.releases, active: 'b', b: { talos, kubernetes } } };
}

describe('R000-8 what starts a rollout by itself', () => {
  const decided = (after: StackConfig, before = production()) => decide(before, after);

  it('is another release of the control planes', () => {
    const { roll, why, difference, major } = decided(released('v1.12.4'));
    assert.deepEqual(
      { roll, why, difference, major },
      {
        roll: true,
        why: 'Talos v1.11.3 -> v1.12.4',
        difference: 'minor',
        major: false,
      },
    );
    assert.equal(decided(released('v1.11.4')).difference, 'patch');
    assert.equal(decided(released('v1.11.3', 'v1.34.2')).why, 'Kubernetes v1.34.1 -> v1.34.2');
    assert.equal(decided(released('v1.10.9')).difference, 'older');
  });

  it('asks for an approval before another major release, whatever else is in the change', () => {
    const after = released('v2.0.0');
    const held = after.nodes['k8s-ctrl-2'];
    assert.ok(held);
    held.release = 'a';
    assert.deepEqual([decided(after).major, decided(after).difference], [true, 'major']);
  });

  it('is another schematic of the control planes, in whatever order its extensions are', () => {
    const after = production();
    after.talos.extensions.standard.push('siderolabs/zfs');
    assert.equal(decided(after).why, 'another schematic');
    const turned = production();
    turned.talos.extensions.standard.reverse();
    assert.equal(decided(turned).roll, false);
  });

  it('is nothing that concerns workers alone', () => {
    const changes: ((config: StackConfig) => void)[] = [
      ({ talos }) => talos.extensions.gpu.push('siderolabs/zfs'),
      ({ roles }) => Object.assign(roles.worker, { memory: 65_536 }),
      ({ nodes }) => Object.assign(nodes['k8s-work-1'] ?? {}, { host: 'odin' }),
      ({ nodes }) => void delete nodes['k8s-work-16'],
      (config) => {
        // The other slot is filled, and one worker follows it.
        config.releases.b = { talos: 'v1.12.4', kubernetes: 'v1.34.1' };
        Object.assign(config.nodes['k8s-work-1'] ?? {}, { release: 'b' });
      },
    ];
    for (const change of changes) {
      const after = production();
      change(after);
      assert.deepEqual(decided(after), {
        roll: false,
        why: 'nothing that control planes are made from has changed',
        difference: 'none',
        major: false,
      });
    }
  });

  it('is no release that every control plane is held back from', () => {
    const after = released('v1.12.4');
    for (const node of Object.values(after.nodes)) if (node.role === 'controlplane') node.release = 'a';
    assert.equal(decided(after).roll, false);
  });

  it('is no control plane that comes or goes: up makes it', () => {
    const after = production();
    delete after.nodes['k8s-ctrl-3'];
    assert.equal(decided(after).roll, false);
    assert.equal(decided(production(), after).roll, false);
  });
});
