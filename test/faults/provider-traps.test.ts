import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { ensureTools, TOOL_NAMES } from '../../lab/tools/index';
import { editStack, generations, release, talosVersions } from '../support/engine-cluster';
import { EngineLab } from '../support/engine-lab';
import { type ExportedResource, privateValues, resourcesOf } from '../support/state-secrets';
import { holds } from '../support/verdict';

const NODES = ['k8s-ctrl-1', 'k8s-ctrl-2', 'k8s-ctrl-3', 'k8s-work-1', 'k8s-work-2', 'k8s-work-3'];
const VM = 'proxmoxve:index/vmLegacy:VmLegacy';
/** Where k8s-work-1 runs. */
const HOST = 'thor';
/** k8s-work-2. */
const MOVED = 8005;

/** What the real providers do, and nobody would expect. Each test goes on where the one before has stopped. */
describe("the providers' traps, on the real engine", () => {
  let engine: EngineLab;
  let ownSecrets: string[];

  before(async () => {
    engine = await EngineLab.start({ base: 121, nodes: NODES, rollout: { healthPasses: 1 } });
    const file = join(engine.project, 'secrets.yaml');
    const { talosctl } = await ensureTools(TOOL_NAMES);
    await promisify(execFile)(talosctl, ['gen', 'secrets', '-o', file]);
    const { certs, secrets, trustdinfo } = parse(readFileSync(file, 'utf8')) as {
      certs: Record<string, { key: string }>;
      secrets: Record<string, string>;
      trustdinfo: { token: string };
    };
    const keys = Object.values(certs).map(({ key }) => key);
    ownSecrets = [...keys, ...Object.values(secrets), trustdinfo.token];
    editStack(engine, (document) => {
      document.setIn(['config', 'prox-ops:talos', 'importSecrets'], file);
    });
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

  function hostOf(vmid: number): string | undefined {
    return engine.lab.status().vms.find((vm) => vm.vmid === vmid)?.host;
  }

  async function vmsInState(): Promise<ExportedResource[]> {
    return resourcesOf((await engine.pulumi(['stack', 'export'])).stdout).filter(({ type }) => type === VM);
  }

  it("a foreign VM with a template's id is never taken over: named by the preview, refused by the update", () =>
    besideForeign(9000, 'baldar', async () => {
      const up = await engine.proxOps('up');
      assert.notEqual(up.code, 0);
      assert.match(up.output, /VM id 9000: expected it to be free for \S+, found nas \(qemu, running\) on baldar/);
      const preview = await engine.pulumi(['preview']);
      assert.notEqual(preview.code, 0);
      assert.match(preview.output, /VM id 9000: expected it to be free .* found nas/);
    }));

  it("a foreign VM with a node's id is never taken over either", () =>
    besideForeign(8004, HOST, async () => {
      const up = await engine.pulumi(['up', '--yes', '--skip-preview']);
      assert.notEqual(up.code, 0);
      assert.match(up.output, /VM id 8004: expected it to be free for k8s-work-1, found nas/);
    }));

  it('a clone that was never configured is not started and called done by a bare update', async () => {
    engine.lab.faults.set('config-fails', 'k8s-work-1');
    const first = await engine.proxOps('up');
    engine.lab.faults.clear('config-fails', 'k8s-work-1');
    assert.notEqual(first.code, 0);
    const bare = await engine.pulumi(['up', '--yes', '--skip-preview']);
    assert.notEqual(bare.code, 0);
    assert.match(bare.output, /VM 8004 \(k8s-work-1\) was left half made by an earlier update: .*It was not started/);
    assert.equal(engine.lab.parts.proxmox.running(8004), false);
  });

  it('then the cluster is built, with the identity of the secrets.yaml, which is read once', async () => {
    const up = await engine.proxOps('up');
    assert.equal(up.code, 0, up.output);
    await engine.lab.armed();
    const shown = privateValues((await engine.pulumi(['stack', 'export', '--show-secrets'])).stdout);
    const missing = ownSecrets.filter((secret) => !shown.includes(secret));
    assert.equal(missing.length, 0, `${missing.length} of ${ownSecrets.length} values are not the file's`);
    rmSync(join(engine.project, 'secrets.yaml'));
    const again = await engine.pulumi(['preview', '--expect-no-changes']);
    assert.equal(again.code, 0, again.output);
  });

  it('a template that is gone, its delete done without being noted or by hand, holds no update up', async () => {
    const { byHand } = engine.lab.parts.proxmox;
    const other = ['config', 'prox-ops:releases', 'b'];
    const templates = () => engine.lab.status().vms.filter(({ template }) => template);
    const before = templates();
    editStack(engine, (document) => {
      document.setIn(other, document.createNode({ talos: 'v1.12.4', kubernetes: 'v1.34.1' }));
    });
    const both = await engine.proxOps('up');
    assert.equal(both.code, 0, both.output);
    const added = templates().filter(({ vmid }) => !before.some((one) => one.vmid === vmid));
    const [unwanted, wanted] = [added[0]!.vmid, before[0]!.vmid];
    for (const vmid of [unwanted, wanted]) byHand.remove(vmid);
    editStack(engine, (document) => {
      document.deleteIn(other);
    });
    const up = await engine.proxOps('up');
    assert.equal(up.code, 0, up.output);
    assert.match(up.output, new RegExp(`VM ${unwanted} \\(.*\\) is gone already`));
    assert.deepEqual(
      templates().map(({ vmid }) => vmid),
      before.map(({ vmid }) => vmid),
    );
  });

  it('a VM that somebody moved to another host is moved back as it runs, and the plan says so', async () => {
    const before = generations(engine);
    const [since, home] = [engine.lab.world.events.all().length, hostOf(MOVED)];
    engine.lab.parts.proxmox.byHand.move(MOVED, 'heimdall');
    const refresh = await engine.pulumi(['refresh', '--yes']);
    assert.equal(refresh.code, 0, refresh.output);
    const plan = await engine.proxOps('plan');
    assert.match(plan.output, /k8s-work-2 moves to another host, running: nodeName/);
    const up = await engine.proxOps('up');
    assert.equal(up.code, 0, up.output);
    assert.equal(hostOf(MOVED), home);
    assert.deepEqual(generations(engine), before);
    const went = engine.lab.world.events.all().slice(since);
    assert.deepEqual(
      went.filter(({ type }) => type === 'vm.stopped' || type === 'machine.down'),
      [],
    );
    await holds(engine);
  });

  it('a configuration that the real talosctl refuses stops a roll before the first node, and an update before any write', async () => {
    const before = generations(engine);
    const writes = () =>
      engine.lab.world.events.all().filter((event) => event.type === 'api.write' && event.api === 'talos');
    const writesBefore = writes().length;
    const patches = ['config', 'prox-ops:talos', 'patches'];
    editStack(engine, (document) => {
      const wrong = { machine: { kubelet: { nodeIP: { validSubnets: ['10.20.300.0/24'] } } } };
      document.setIn(patches, document.createNode({ worker: [wrong] }));
    });
    const up = await engine.proxOps('up');
    assert.notEqual(up.code, 0);
    assert.match(up.output, /10\.20\.300\.0\/24/);
    await release(engine, 'v1.12.4');
    const roll = await engine.proxOps('roll', '--yes');
    assert.equal(roll.code, 2, roll.output);
    assert.match(roll.output, /10\.20\.300\.0\/24[^]*No node was touched/);
    assert.deepEqual(generations(engine), before);
    assert.equal(writes().length, writesBefore);
    editStack(engine, (document) => document.deleteIn(patches));
    await holds(engine);
  });

  it('a host that does not answer makes no VM look gone: a refresh keeps them, and the next run is an ordinary one', async () => {
    const before = generations(engine);
    const known = (await vmsInState()).map(({ urn }) => urn).sort();
    engine.lab.faults.set('host-offline', HOST);
    const refresh = await engine.pulumi(['refresh', '--yes']);
    const kept = (await vmsInState()).map(({ urn }) => urn).sort();
    engine.lab.faults.clear('host-offline');
    assert.notEqual(refresh.code, 0, refresh.output);
    assert.deepEqual(kept, known);
    const roll = await engine.proxOps('roll', '--yes', '--nodes', 'k8s-work-1');
    assert.equal(roll.code, 0, roll.output);
    assert.equal(talosVersions(engine)['k8s-work-1'], 'v1.12.4');
    const { 'k8s-work-1': replaced, ...others } = generations(engine);
    assert.notEqual(replaced, before['k8s-work-1']);
    assert.deepEqual(others, Object.fromEntries(Object.entries(before).filter(([name]) => name !== 'k8s-work-1')));
    await holds(engine);
  });

  it("another image under a template's id: the template is made anew and not called updated, and its node gets the image", async () => {
    const extension = 'siderolabs/iscsi-tools';
    const before = engine.lab.parts.talos.byNode('k8s-work-1')?.extensions ?? [];
    assert.equal(before.includes(extension), false);
    const standard = ['config', 'prox-ops:talos', 'extensions', 'standard'];
    editStack(engine, (document) => document.addIn(standard, extension));
    const roll = await engine.proxOps('roll', '--yes', '--strategy', 'replace', '--nodes', 'k8s-work-1');
    assert.equal(roll.code, 0, roll.output);
    assert.ok(engine.lab.parts.talos.byNode('k8s-work-1')?.extensions.includes(extension));
    await holds(engine);
  });
});
