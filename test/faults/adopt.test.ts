import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { cordoned, editStack, generations, powerCut, release, rollAt, talosVersions } from '../support/engine-cluster';
import { HandmadeLab } from '../support/handmade-lab';
import { holds } from '../support/verdict';

const ODD_NAME = 'k8s-work-1';

describe('R004-CR a cluster that somebody made by hand is taken over', () => {
  let handmade: HandmadeLab;
  let found: { writes: string[]; machines: Record<string, number> };

  const untouched = (): void => {
    assert.deepEqual(handmade.writes(), found.writes);
    assert.deepEqual(generations(handmade.engine), found.machines);
  };

  before(async () => {
    handmade = await HandmadeLab.start(131);
    await handmade.cordon('k8s-work-2');
    found = { writes: handmade.writes(), machines: generations(handmade.engine) };
  });

  after(async () => {
    await handmade?.engine.close();
  });

  it('a dry run shows the stack file and what differs, and writes nothing', async () => {
    const { code, stdout, output } = await handmade.adopt('--dry-run');
    assert.equal(code, 0, output);
    assert.match(stdout, /what\s+│ live\s+│ the program would make\s+│ how to settle it/);
    assert.match(stdout, /vmName: Talos-Worker\.01/);
    assert.match(stdout, /vm\.max_map_count/);
    assert.equal(existsSync(handmade.engine.stackFile), false);
    untouched();
  });

  it('the stack file describes what is there, and the first preview changes nothing of it', async () => {
    const adopted = await handmade.adopt();
    assert.equal(adopted.code, 0, adopted.output);
    const { config } = parse(readFileSync(handmade.engine.stackFile, 'utf8')) as {
      config: Record<string, Record<string, Record<string, unknown>>>;
    };
    assert.deepEqual(config['prox-ops:nodes']?.['k8s-work-4']?.['pci'], ['thor-gpu']);
    assert.deepEqual(config['prox-ops:nodes']?.['k8s-work-2']?.['hardware'], { memory: 65_536, disk: 120 });
    const preview = await handmade.engine.pulumi(['preview', '--json']);
    assert.equal(preview.code, 0, preview.output);
    const { steps } = JSON.parse(preview.stdout) as { steps: { op: string; urn: string }[] };
    const changes = steps.filter(({ op }) => op !== 'same');
    // The validations run talosctl on this machine, and reach no cluster.
    assert.deepEqual(
      changes.filter(({ op, urn }) => op !== 'create' || !urn.includes('$command:local:Command::')),
      [],
    );
    untouched();
  });

  it('the state has no secret in plain text', async () => {
    const exported = await handmade.engine.pulumi(['stack', 'export']);
    const secrets = parse(readFileSync(handmade.made.secrets, 'utf8')) as {
      cluster: { secret: string };
      certs: Record<string, { key: string }>;
    };
    const keys = Object.values(secrets.certs).map(({ key }) => key);
    for (const secret of [secrets.cluster.secret, ...keys]) assert.equal(exported.stdout.includes(secret), false);
  });

  it('the first update touches nothing, and a cordoned node stays cordoned', async () => {
    // The scheduler may have put the pod that nobody manages on the node that is replaced later, or elsewhere.
    editStack(handmade.engine, (document) => {
      document.setIn(['config', 'prox-ops:rollout', 'evictUnmanagedPods'], true);
    });
    const up = await handmade.engine.proxOps('up');
    assert.equal(up.code, 0, up.output);
    untouched();
    assert.equal(await cordoned(handmade.engine, 'k8s-work-2'), true);
  });

  it('is not taken over again without being asked to', async () => {
    const again = await handmade.adopt();
    assert.equal(again.code, 1, again.output);
    assert.match(again.output, /expected no stack file yet, found one\. Use --overwrite/);
  });

  it('a node that a person has cordoned blocks a roll', async () => {
    const { engine } = handmade;
    await release(engine, 'v1.12.4');
    const blocked = await engine.proxOps('roll', '--yes', '--nodes', ODD_NAME);
    assert.equal(blocked.code, 2, blocked.output);
    assert.match(blocked.output, /node k8s-work-2[\s\S]*cordoned by somebody else/);
    untouched();
  });

  it('a roll of an adopted worker that is stopped after its drain can be aborted: the machine stays as it was found', async () => {
    const { engine } = handmade;
    await handmade.cordon('k8s-work-2', false);
    const { driver, finished } = await rollAt(engine, ODD_NAME, 'evacuate');
    powerCut(driver);
    await finished;
    const abort = await engine.proxOps('abort', ODD_NAME);
    assert.equal(abort.code, 0, abort.output);
    assert.deepEqual(generations(engine), found.machines);
    assert.equal(await cordoned(engine, ODD_NAME), false);
    await holds(engine);
  });

  it('a roll replaces an adopted worker, and what was found of it goes from the stack file', async () => {
    const { engine } = handmade;
    const roll = await engine.proxOps('roll', '--yes', '--nodes', ODD_NAME);
    assert.equal(roll.code, 0, roll.output);
    assert.equal(talosVersions(engine)[ODD_NAME], 'v1.12.4');
    const { config } = parse(readFileSync(engine.stackFile, 'utf8')) as {
      config: { 'prox-ops:adopted': { nodes: Record<string, unknown> } };
    };
    const kept = Object.keys(config['prox-ops:adopted'].nodes);
    assert.equal(kept.includes(ODD_NAME), false);
    assert.equal(kept.length, 5);
    const changed = Object.entries(generations(engine)).filter(
      ([name, generation]) => found.machines[name] !== generation,
    );
    assert.deepEqual(
      changed.map(([name]) => name),
      [ODD_NAME],
    );
    await holds(engine);
  });
});
