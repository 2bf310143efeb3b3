import assert from 'node:assert/strict';
import { foreignDestinations } from '../../driver/ci/proposed';
import { rollInputs } from '../../driver/ci/rollInputs';
import type { StackConfig } from '../../config/schema';
import { production } from '../support/stack-files';

describe("a job's inputs of a rollout", () => {
  it('become options of roll; what is left empty is not asked for', () => {
    assert.deepEqual(rollInputs({}), { yes: true });
    assert.deepEqual(
      rollInputs({ ROLL_NODES: '', ROLL_STRATEGY: ' ', ROLL_MAX_NODES: '', ROLL_APPROVE_MAJOR: 'false' }),
      {
        yes: true,
      },
    );
    assert.deepEqual(
      rollInputs({
        ROLL_NODES: 'k8s-work-1, k8s-work-2',
        ROLL_STRATEGY: 'replace',
        ROLL_MAX_NODES: '3',
        ROLL_APPROVE_MAJOR: 'true',
        ROLL_REASON: 'CVE of the week',
      }),
      {
        yes: true,
        strategy: 'replace',
        nodes: ['k8s-work-1', 'k8s-work-2'],
        maxNodes: 3,
        approveMajor: true,
        reason: 'CVE of the week',
      },
    );
  });

  it('are refused all at once, each with what was expected and found', () => {
    const wrong = { ROLL_NODES: 'a;rm', ROLL_STRATEGY: 'fast', ROLL_MAX_NODES: '0', ROLL_APPROVE_MAJOR: 'yes' };
    assert.throws(() => rollInputs(wrong), {
      name: 'CommandError',
      message: [
        "ROLL_STRATEGY: expected one of auto, replace, in-place, found 'fast'",
        "ROLL_NODES: expected names of nodes, found 'a;rm'",
        "ROLL_MAX_NODES: expected a whole number above 0, found '0'",
        "ROLL_APPROVE_MAJOR: expected true or false, found 'yes'",
        'Nothing was changed.',
      ].join('\n'),
    });
  });
});

describe('a proposed stack file that is planned with credentials', () => {
  type Side = { config: StackConfig; top: Record<string, unknown> };
  const side = (change?: (side: Side) => void): Side => {
    const made = { config: production(), top: { config: { 'prox-ops:proxmoxToken': { secure: 'v1:a' } } } };
    change?.(made);
    return made;
  };
  const foreign = (change: (side: Side) => void) => foreignDestinations(side(), side(change));

  it('may change releases, nodes and machines', () => {
    const changed = foreign(({ config }) => {
      config.releases = { active: 'b', a: config.releases.a, b: { talos: 'v1.12.4', kubernetes: 'v1.34.1' } };
      delete config.nodes['k8s-work-16'];
      config.roles.worker.memory = 65_536;
      config.talos.extensions.standard.push('siderolabs/zfs');
    });
    assert.deepEqual(changed, []);
  });

  it('must not say where tokens go', () => {
    const changes: [RegExp, (side: Side) => void][] = [
      [
        /proxmox\.endpoint: expected "https.*", found "https:\/\/evil/,
        ({ config }) => void (config.proxmox.endpoint = 'https://evil.example'),
      ],
      [/talos\.imageFactory/, ({ config }) => void (config.talos.imageFactory = 'https://evil.example')],
      [
        /talos\.importSecrets: expected none, found "\/etc/,
        ({ config }) => void (config.talos.importSecrets = '/etc/x'),
      ],
      [
        /linstor\.url: expected none/,
        ({ config }) => Object.assign(config.linstor ?? {}, { url: 'http://evil.example' }),
      ],
      [/linstor\.namespace/, ({ config }) => Object.assign(config.linstor ?? {}, { namespace: 'evil' })],
      [/cluster\.vip/, ({ config }) => void (config.cluster.vip = '10.20.67.99')],
      [/cluster\.name/, ({ config }) => void (config.cluster.name = 'other')],
    ];
    for (const [expected, change] of changes) {
      assert.equal(foreign(change).length, 1);
      assert.match(foreign(change).join(), expected);
    }
  });

  it('must not bring secrets, providers or keys of its own, and shows none', () => {
    const changes: [string, (side: Side) => void][] = [
      ['prox-ops:proxmoxToken', ({ top }) => void (top.config = { 'prox-ops:proxmoxToken': { secure: 'v1:b' } })],
      ['prox-ops:proxmoxToken', ({ top }) => void (top.config = {})],
      ['proxmoxve:endpoint', ({ top }) => Object.assign(top.config as object, { 'proxmoxve:endpoint': 'x' })],
      ['encryptionsalt', ({ top }) => void (top.encryptionsalt = 'v1:other')],
      ['secretsprovider', ({ top }) => void (top.secretsprovider = 'awskms://evil')],
    ];
    for (const [path, change] of changes) assert.deepEqual(foreign(change), [`${path}: expected it unchanged`]);
  });
});
