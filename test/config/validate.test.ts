import assert from 'node:assert/strict';
import { join } from 'node:path';
import { adviceFor } from '../../config/advice';
import { ConfigError } from '../../config/problem';
import { validate } from '../../config/validate';
import { checkStackText } from '../../driver/stackDocument';
import { production, rawStack, REPOSITORY } from '../support/stack-files';

/* eslint-disable @typescript-eslint/no-explicit-any -- the file is spoilt on purpose, at any depth */

/** Paths of the problems of the production file after it was spoilt. */
function pathsOf(spoil: (stack: any) => void): string[] {
  return refusal(spoil).problems.map(({ path }) => path);
}

function refusal(spoil: (stack: any) => void): ConfigError {
  const stack = rawStack(join(REPOSITORY, 'Pulumi.prod.yaml'));
  spoil(stack);
  try {
    validate(stack);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error;
  }
  return assert.fail('accepted');
}

const FAKE_TOKEN = 'prox-ops@pve!ci=00000000-0000-0000-0000-000000000000';

describe('config/validate', () => {
  it('tells all problems at once, each with its path', () => {
    const paths = pathsOf((stack) => {
      stack.nodes['k8s-work-2'].vmId = 8001;
      stack.nodes['k8s-work-3'].host = 'loki';
      stack.cluster.gateway = '10.21.0.1';
    });
    assert.deepEqual(paths, ['nodes.k8s-work-2.vmId', 'cluster.gateway', 'nodes.k8s-work-3.host']);
  });

  it('follows the rules across fields where other sections and nodes are not of the right shape', () => {
    const paths = pathsOf((stack) => {
      stack.rollout = { drainTimeout: 'long' };
      stack.nodes['k8s-work-3'].vmId = 'x';
      stack.nodes['k8s-work-2'].vmId = 8001;
      stack.proxmox.storage = 'nowhere';
    });
    assert.deepEqual(paths, [
      'nodes.k8s-work-3.vmId',
      'rollout.drainTimeout',
      'nodes.k8s-work-2.vmId',
      'proxmox.storage',
    ]);
  });

  it('follows them although a key is misspelt', () => {
    const paths = pathsOf((stack) => {
      stack.nodes['k8s-work-2'].adress = '10.20.67.5';
      stack.nodes['k8s-work-2'].vmId = 8001;
      stack.proxmox.storrage = 'x';
      stack.proxmox.bridge = 'vmbr9';
    });
    assert.deepEqual(paths, ['proxmox.storrage', 'nodes.k8s-work-2.adress', 'nodes.k8s-work-2.vmId', 'proxmox.bridge']);
  });

  it('does not count nodes while one of them cannot be read', () => {
    const paths = pathsOf((stack) => (stack.nodes['k8s-ctrl-3'].role = 'master'));
    assert.deepEqual(paths, ['nodes.k8s-ctrl-3.role']);
  });

  it('says nothing of a section that is missing but that it is', () => {
    assert.deepEqual(
      pathsOf((stack) => delete stack.proxmox),
      ['proxmox'],
    );
  });

  it('repeats no secret, wherever one was put', () => {
    const { message } = refusal((stack) => {
      stack.cluster.vip = FAKE_TOKEN;
      stack.nodes['k8s-work-1'].host = FAKE_TOKEN;
      stack.proxmox.bridge = FAKE_TOKEN;
      stack.talos.extensions = FAKE_TOKEN;
      stack.nodes['k8s-work-2'].labels = { [FAKE_TOKEN]: 'x' };
      stack[FAKE_TOKEN] = {};
    });
    assert.match(message, /what looks like a Proxmox API token/);
    assert.doesNotMatch(message, /00000000-/);
    const text = `${FAKE_TOKEN}: 1\nconfig:\n  ${FAKE_TOKEN}: 1\n  prox-ops:proxmoxToken: ${FAKE_TOKEN}\n`;
    const { problems } = checkStackText(`${text}${text.split('\n')[0]}\n`);
    assert.ok(problems.length >= 4);
    assert.doesNotMatch(JSON.stringify(problems), /00000000-/);
  });

  it('tells what is wrong with a file that is empty, or holds something else', () => {
    for (const text of ['', '[]', 'text', 'config: 5\n'])
      assert.ok(
        checkStackText(text).problems.some(({ path }) => path === 'prox-ops:nodes'),
        JSON.stringify(text),
      );
  });
});

describe('config/advice', () => {
  it('has nothing to say of production', () => {
    assert.deepEqual(adviceFor(production()), []);
  });

  it('advises against control planes that share a host while another has none', () => {
    const config = production();
    Object.assign(config.nodes['k8s-ctrl-2'] ?? {}, { host: 'baldar' });
    const [advice, ...rest] = adviceFor(config);
    assert.equal(advice?.path, 'nodes.k8s-ctrl-2.host');
    assert.equal(advice.message, 'expected a host with fewer control planes, found baldar, which has k8s-ctrl-1');
    assert.deepEqual(rest, []);
  });

  it('accepts that they share hosts when there are too few', () => {
    const config = production();
    config.proxmox.hosts = config.proxmox.hosts.slice(0, 2);
    for (const node of Object.values(config.nodes)) if (node.host !== 'baldar') node.host = 'heimdall';
    assert.deepEqual(adviceFor(config), []);
  });
});
