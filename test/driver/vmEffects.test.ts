import assert from 'node:assert/strict';
import type { Change } from '../../driver/changes';
import { vmEffects } from '../../driver/vmEffects';

const VM = 'proxmoxve:index/vmLegacy:VmLegacy';

function update(paths: string[], after: Record<string, unknown> = { rebootAfterUpdate: false }): Change {
  return { urn: 'urn', type: VM, name: 'k8s-work-1-vm', node: 'k8s-work-1', ops: ['update'], after, paths };
}

describe('driver/vmEffects', () => {
  it('announces that memory waits for the next start', () => {
    const [effect] = vmEffects([update(['memory.dedicated', 'tags[2]'])]);
    assert.deepEqual(effect, { vm: 'k8s-work-1', effect: 'waits for its next start', why: ['memory.dedicated'] });
  });

  it('announces a power cycle where the provider may do one', () => {
    const [effect] = vmEffects([update(['cpu.cores'], {})]);
    assert.equal(effect?.effect, 'is powered off and on');
  });

  it('announces a move back and a start', () => {
    const effects = vmEffects([update(['nodeName', 'started'], { started: true, rebootAfterUpdate: false })]);
    assert.deepEqual(
      effects.map(({ effect }) => effect),
      ['moves to another host, running', 'is started'],
    );
  });

  it('a disk that moves to another storage needs the power off; one that grows does not', () => {
    assert.equal(vmEffects([update(['disks[0].datastoreId'])]).length, 1);
    assert.deepEqual(vmEffects([update(['disks[1].size', 'networkDevices[0].vlanId', 'tags', 'startup.order'])]), []);
  });

  it('says nothing of a replacement or of a template', () => {
    assert.deepEqual(vmEffects([{ ...update(['memory.dedicated']), ops: ['replace', 'create-replacement'] }]), []);
    assert.deepEqual(vmEffects([update(['memory.dedicated'], { template: true })]), []);
  });
});
