import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { SecretAge } from '../../driver/talosSecrets/ages';
import { editStack, generations, powerCut, release, seen } from '../support/engine-cluster';
import { EngineLab } from '../support/engine-lab';
import { privateValues } from '../support/state-secrets';
import { holds } from '../support/verdict';

const NODES = ['k8s-ctrl-1', 'k8s-ctrl-2', 'k8s-ctrl-3', 'k8s-work-1', 'k8s-work-2', 'k8s-work-3'];

interface Ages {
  authority: string;
  ages: (Omit<SecretAge, 'expires'> & { expires?: string })[];
}

interface Credentials {
  talosconfig: string;
  kubeconfig: string;
}

describe('client credentials and the Proxmox token are rotated while the cluster runs', () => {
  let engine: EngineLab;
  let folder: string;
  let copy: string;
  let given: Credentials;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'prox-ops-rotate-'));
    copy = join(folder, 'copy.yaml');
    engine = await EngineLab.start({ base: 157, nodes: NODES, rollout: { healthPasses: 1 } });
    const up = await engine.proxOps('up');
    assert.equal(up.code, 0, up.output);
    const command = 'printf %s "$PROXMOX_VE_API_TOKEN" | pulumi config set --secret prox-ops:proxmoxToken';
    const set = await engine.runWith({}, 'bash', '-c', command);
    assert.equal(set.code, 0, set.output);
    await engine.lab.armed();
    const exported = await engine.proxOps('secrets', 'export', copy);
    assert.equal(exported.code, 0, exported.output);
    given = await handedOut();
  });

  after(async () => {
    await engine?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** What the stack hands out now, as files. */
  async function handedOut(): Promise<Credentials> {
    const texts = { talosconfig: '', kubeconfig: '' };
    for (const output of ['talosconfig', 'kubeconfig'] as const)
      texts[output] = (await engine.pulumi(['stack', 'output', output, '--show-secrets'])).stdout;
    return texts;
  }

  async function ages(): Promise<Ages> {
    const { code, stdout, output } = await engine.proxOps('secrets', '--json');
    assert.equal(code, 0, output);
    return JSON.parse(stdout) as Ages;
  }

  async function clientAges(): Promise<(string | undefined)[]> {
    return (await ages()).ages
      .filter(({ name }) => name.startsWith('client certificate'))
      .map(({ expires }) => expires);
  }

  /** The real programs. */
  async function work({ talosconfig, kubeconfig }: Credentials): Promise<void> {
    const [talosFile, kubeFile] = [join(folder, 'talosconfig'), join(folder, 'kubeconfig')];
    writeFileSync(talosFile, talosconfig, { mode: 0o600 });
    writeFileSync(kubeFile, kubeconfig, { mode: 0o600 });
    const nodes = await engine.runWith({}, 'kubectl', '--kubeconfig', kubeFile, 'get', 'nodes', '-o', 'name');
    assert.equal(nodes.code, 0, nodes.output);
    assert.equal(nodes.stdout.trim().split('\n').length, NODES.length);
    const address = engine.lab.status().machines.find(({ node }) => node === 'k8s-ctrl-1')?.address ?? '';
    const target = ['--talosconfig', talosFile, '--endpoints', address, '--nodes', address];
    const version = await engine.runWith({}, 'talosctl', 'version', ...target);
    assert.equal(version.code, 0, version.output);
  }

  async function unchanged(refused: Promise<{ code: number | null; output: string }>, code: number, says: RegExp) {
    const before = await handedOut();
    const found = await refused;
    assert.match(found.output, says);
    assert.equal(found.code, code, found.output);
    assert.deepEqual(await handedOut(), before);
  }

  async function told(output: string): Promise<void> {
    const exported = await engine.pulumi(['stack', 'export', '--show-secrets']);
    const values = privateValues(exported.stdout);
    assert.ok(values.length > 10);
    for (const value of values) assert.equal(output.includes(value), false);
  }

  function clientKeys({ talosconfig, kubeconfig }: Credentials): unknown[] {
    const talos = parse(talosconfig) as { contexts: Record<string, { key: string }> };
    const kubernetes = parse(kubeconfig) as { users: { user: { 'client-key-data': string } }[] };
    return [...Object.values(talos.contexts).map(({ key }) => key), kubernetes.users[0]?.user['client-key-data']];
  }

  it('asks before anything: off a terminal without --yes nothing happens', async () => {
    await unchanged(engine.proxOps('secrets', 'rotate'), 1, /Expected --yes/);
  });

  it('applies no other change on the side', async () => {
    const text = readFileSync(engine.stackFile, 'utf8');
    editStack(engine, (document, nodes) => document.setIn([...nodes, 'k8s-work-1', 'tags'], ['blue']));
    await unchanged(
      engine.proxOps('secrets', 'rotate', '--yes'),
      2,
      /without changes that wait, found update k8s-work-1/,
    );
    writeFileSync(engine.stackFile, text);
  });

  it('changes nothing where the new credentials are not answered', async () => {
    const { faults } = engine.lab;
    for (const name of NODES.slice(0, 3)) faults.set('talos-unreachable', name);
    await unchanged(
      engine.proxOps('secrets', 'rotate', '--yes'),
      2,
      /a control plane that answers the new talosconfig/,
    );
    faults.clear();
  });

  it('hands out new client certificates, which work; no machine is touched, and the secrets stay what they are', async () => {
    const [machines, before] = [generations(engine), await clientAges()];
    const { code, output } = await engine.proxOps('secrets', 'rotate', '--yes', '--reason', 'ninety days');
    assert.equal(code, 0, output);
    assert.match(output, /talosconfig.*cannot be revoked: whoever has it has access until \d{4}-\d\d-\d\d/);
    assert.match(output, /kubeconfig.*cannot be revoked/);
    assert.match(output, /no new one is due/);
    assert.match(output, /client certificate of the administrator's talosconfig +│ 0 +│ 0 +│ 20/);
    await told(output);
    const now = await handedOut();
    for (const key of clientKeys(given)) assert.equal(clientKeys(now).includes(key), false);
    await work(now);
    // As the output says: nobody can call the former ones back.
    await work(given);
    const after = await clientAges();
    assert.equal(after.length, 2);
    assert.ok(
      after.every((expires, index) => (expires ?? '') > (before[index] ?? '')),
      `${after.join()} ${before.join()}`,
    );
    assert.deepEqual(generations(engine), machines);
    const checked = await engine.proxOps('secrets', 'check', copy);
    assert.equal(checked.code, 0, checked.output);
    const preview = await engine.pulumi(['preview', '--expect-no-changes']);
    assert.equal(preview.code, 0, preview.output);
    await holds(engine);
  });

  it('cut off once the state has them, it goes on with the rest', async () => {
    const before = await handedOut();
    const driver = engine.begin('secrets', 'rotate', '--yes');
    await seen(driver, /they are in the state/);
    powerCut(driver);
    assert.deepEqual(await handedOut(), before);
    const { code, output } = await engine.proxOps('secrets', 'rotate', '--yes');
    assert.equal(code, 0, output);
    assert.match(output, /an earlier rotation was cut off: it is finished/);
    const now = await handedOut();
    assert.notDeepEqual(now, before);
    await work(now);
    await holds(engine);
  });

  describe('the Proxmox token', () => {
    let file: string;

    before(() => {
      file = join(folder, 'token');
    });

    it('that Proxmox does not know is refused, and not told', async () => {
      const unknown = 'root@pam!nobody=12345678-1234-1234-1234-123456789abc';
      writeFileSync(file, `${unknown}\n`, { mode: 0o600 });
      const refused = engine.proxOps('secrets', 'rotate', '--yes', '--proxmox-token', file);
      await unchanged(refused, 2, /Expected Proxmox to answer the token root@pam!nobody, found: .*401/);
      assert.equal((await refused).output.includes('123456789abc'), false);
      writeFileSync(file, 'nonsense', { mode: 0o600 });
      await unchanged(
        engine.proxOps('secrets', 'rotate', '--yes', '--proxmox-token', file),
        2,
        /expected USER@REALM!ID=UUID, found another form/,
      );
    });

    /** As though the state had had the token since then. */
    async function since(day: string): Promise<void> {
      const state = join(folder, 'state.json');
      await engine.pulumi(['stack', 'export', '--file', state]);
      const exported = JSON.parse(readFileSync(state, 'utf8')) as {
        deployment: { resources: Record<string, unknown>[] };
      };
      for (const resource of exported.deployment.resources)
        if (resource.type === 'pulumi:providers:proxmoxve') Object.assign(resource, { created: day, modified: day });
      writeFileSync(state, JSON.stringify(exported), { mode: 0o600 });
      const imported = await engine.pulumi(['stack', 'import', '--file', state]);
      assert.equal(imported.code, 0, imported.output);
    }

    async function tokenAge(): Promise<unknown[]> {
      const { ages: all } = await ages();
      const found = all.find(({ name }) => name === 'Proxmox API token');
      return [(found?.days ?? 0) > 90, found?.due];
    }

    it('is replaced by one that works; then the former one can go', async () => {
      await since('2026-01-01T00:00:00Z');
      assert.deepEqual(await tokenAge(), [true, true]);
      const { byHand } = engine.lab.parts.proxmox;
      const token = byHand.makeToken('root@pam!second');
      writeFileSync(file, `${token}\n`, { mode: 0o600 });
      const { code, output } = await engine.proxOps('secrets', 'rotate', '--yes', '--proxmox-token', file);
      assert.equal(code, 0, output);
      assert.match(output, /root@pam!lab is not used any more, and still valid until it is removed in Proxmox/);
      await told(output);
      assert.equal(readFileSync(engine.stackFile, 'utf8').includes(token.split('=')[1] ?? ''), false);
      byHand.removeToken('root@pam!lab');
      const snapshot = await engine.proxOps('snapshot');
      assert.equal(snapshot.code, 0, snapshot.output);
      const verify = await engine.proxOps('verify');
      assert.equal(verify.code, 0, verify.output);
      assert.deepEqual(await tokenAge(), [false, false]);
    });

    it('and a roll goes with all of the new ones', async () => {
      await release(engine, 'v1.12.4');
      const roll = await engine.proxOps('roll', '--yes', '--nodes', 'k8s-ctrl-2', 'k8s-work-2');
      assert.equal(roll.code, 0, roll.output);
      await work(await handedOut());
      await holds(engine);
    });
  });
});
