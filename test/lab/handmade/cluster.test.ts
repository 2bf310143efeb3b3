import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Lab, startLab } from '../../../lab/daemon/lab';
import { buildByHand, type Handmade } from '../../../lab/handmade/cluster';
import { ensureTools, TOOL_NAMES } from '../../../lab/tools/index';
import { handmadeSpec } from '../../support/handmade';
import { testBase, testNetwork } from '../../support/network';

const BASE = 134;

describe('lab/handmade: a cluster that nobody built with the program', () => {
  const root = mkdtempSync(join(tmpdir(), 'handmade-'));
  const spec = handmadeSpec(testNetwork(BASE));
  let lab: Lab;
  let made: Handmade;

  before(async () => {
    const tools = await ensureTools(TOOL_NAMES);
    const nodes = spec.nodes.map(({ name }) => name);
    const directory = join(root, 'lab');
    lab = await startLab({ name: 'test', directory, base: testBase(BASE), durations: 'fastest', nodes, tools });
    made = await buildByHand(lab, tools.talosctl, spec, join(root, 'home'));
  });

  after(async () => {
    await lab?.close();
    rmSync(root, { recursive: true, force: true });
  });

  it('is in service: every node Ready, three voters, the GPU passed through', () => {
    const { kubernetes, etcd } = lab.status();
    assert.equal(kubernetes.nodes.filter(({ ready }) => ready).length, spec.nodes.length);
    assert.equal(etcd.members.filter(({ role }) => role === 'voter').length, 3);
    assert.deepEqual(lab.parts.proxmox.hardware(8007)?.pci, ['thor-gpu']);
  });

  it('was made past the Proxmox API, and is what its maker wrote down', () => {
    const writes = lab.world.events.all().filter((event) => event.type === 'api.write' && event.api === 'proxmox');
    assert.deepEqual(writes, []);
    const vm = lab.status().vms.find(({ vmid }) => vmid === 8004);
    assert.equal(vm?.name, 'Talos-Worker.01');
    assert.equal(lab.status().vms.filter(({ template }) => template).length, spec.templates.length);
    for (const file of [made.secrets, made.talosconfig]) assert.equal(statSync(file).mode & 0o077, 0);
  });
});
