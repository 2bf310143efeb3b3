import assert from 'node:assert/strict';
import { EngineLab } from '../support/engine-lab';
import { type ExportedResource, resourcesOf } from '../support/state-secrets';

const NODES = ['k8s-ctrl-1', 'k8s-ctrl-2', 'k8s-ctrl-3', 'k8s-work-1', 'k8s-work-2', 'k8s-work-3'];
const VM = 'proxmoxve:index/vmLegacy:VmLegacy';

/** The provider takes the second "already exists" of its own retries for success, and the machine for its own. */
describe('a VM id that somebody else has, on the real engine', () => {
  let engine: EngineLab;

  before(async () => {
    engine = await EngineLab.start({ base: 121, nodes: NODES });
  });

  after(async () => {
    await engine.close();
  });

  /** Puts a machine of somebody else under an id while `act` runs, and asserts that nothing of it was changed. */
  async function besideForeign(vmid: number, host: string, act: () => Promise<void>): Promise<void> {
    const { byHand } = engine.lab.parts.proxmox;
    const options = { cores: '1', memory: '1024', scsi0: 'local-lvm:8', net0: 'virtio,bridge=vmbr1' };
    byHand.create({ name: 'nas', vmid, host, options, running: true });
    const before = structuredClone(engine.lab.parts.proxmox.hardware(vmid));
    await act();
    assert.deepEqual(engine.lab.parts.proxmox.hardware(vmid), before);
    assert.equal(engine.lab.parts.proxmox.running(vmid), true);
    const ids = (await vmsInState()).map(({ outputs }) => outputs?.vmId);
    assert.equal(ids.includes(vmid), false, 'the state has a machine that is not ours');
    byHand.stop(vmid);
    byHand.remove(vmid);
  }

  async function vmsInState(): Promise<ExportedResource[]> {
    return resourcesOf((await engine.pulumi(['stack', 'export'])).stdout).filter(({ type }) => type === VM);
  }

  it("a template's id: refused by the update, and by name in a preview", () =>
    besideForeign(9000, 'baldar', async () => {
      const up = await engine.proxOps('up');
      assert.notEqual(up.code, 0);
      assert.match(up.output, /VM id 9000: expected it to be free for \S+, found nas \(qemu, running\) on baldar/);
      const preview = await engine.pulumi(['preview']);
      assert.notEqual(preview.code, 0);
      assert.match(preview.output, /VM id 9000: expected it to be free .* found nas/);
    }));

  it("a node's id: refused by an update that nobody previewed", () =>
    besideForeign(8004, 'thor', async () => {
      const up = await engine.pulumi(['up', '--yes', '--skip-preview']);
      assert.notEqual(up.code, 0);
      assert.match(up.output, /VM id 8004: expected it to be free for k8s-work-1, found nas/);
    }));
});
