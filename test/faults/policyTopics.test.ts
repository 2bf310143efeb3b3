import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseDocument } from 'yaml';
import { TOPICS } from '../../policies/pack';
import { EngineLab } from '../support/engine-lab';
import { REPOSITORY } from '../support/stack-files';

const NODES = ['k8s-ctrl-1', 'k8s-ctrl-2', 'k8s-ctrl-3', 'k8s-work-1', 'k8s-work-4'];
const FIXTURES = join(REPOSITORY, 'test/fixtures/policies');

/** What the engine has to print of each topic's policies when broken-program/breaks.ts violates them. */
const EXPECTED: Record<string, Record<string, RegExp>> = {
  talosSecrets: { 'talos-secrets-protected': /Expected protect: true on the Talos secrets, found it off/ },
  stateBucket: {
    'state-bucket-protected': /state: expected protect: true on the bucket/,
    'state-bucket-encrypted': /state: expected server-side encryption/,
    'state-bucket-versioned': /state: expected versioning Enabled/,
    'state-bucket-private': /state: expected all of blockPublicAcls/,
  },
  controlPlanes: {
    'odd-control-planes': /Expected an odd number of control planes, found 2/,
    'control-planes-on-different-hosts': /k8s-ctrl-1, k8s-ctrl-2: expected at most 1 control plane/,
  },
  nodeIdentity: {
    'vm-id-fixed': /k8s-ctrl-1: expected an id outside the template slots/,
    'vm-ids-unique': /k8s-work-1, k8s-work-4: expected a VM id of its own/,
    'mac-fixed': /k8s-ctrl-1: NIC 0: expected a unicast MAC/,
    'macs-unique': /k8s-work-1, k8s-work-4: expected a MAC of its own/,
    'address-fixed': /k8s-ctrl-1: expected an address in .*, found 192\.0\.2\.1/,
    'addresses-in-networks': /k8s-work-1: expected every address in one of .*, found 192\.0\.2\.9\. Set/,
    'addresses-unique': /k8s-ctrl-1, k8s-work-1: expected an address of its own/,
  },
  lifecycleChain: {
    'node-lifecycle-complete': /k8s-bare: expected the whole lifecycle chain, found no NodeIdentity/,
    'node-lifecycle-order': /k8s-work-1: expected NodeDrain to depend on LinstorEvacuation/,
    'node-delete-before-replace': /k8s-work-1: expected deleteBeforeReplace: true on NodeDrain/,
  },
  guards: { 'no-disabled-guard': /k8s-work-1: expected linstor\.guardEnabled, found it switched off/ },
  templates: {
    'node-template-present': /k8s-ctrl-1: expected a template with VM id 9000/,
    'previous-release-bootable': /expected template a-baldar-standard \(VM id 9000/,
  },
  gpu: {
    'gpu-vm-hardware': /k8s-work-4: hostpci0: expected a mapping's name, found the raw id 0000:01:00/,
    'gpu-schematic': /k8s-work-4: expected a system extension like \/nvidia-container-toolkit\//,
  },
  storage: {
    'linstor-node-data-disk': /k8s-work-1: expected a data disk on a LINSTOR node, found none/,
    'linstor-node-drbd': /k8s-work-1: expected siderolabs\/drbd in its schematic/,
  },
  nodeVms: { 'node-vms-without-proxmox-protection': /k8s-work-1: expected protection off, found it on/ },
  pinning: {
    'no-unpinned-images': /task: image: expected an image with a fixed tag or digest, found example\.com\/web:latest/,
    'no-unpinned-versions': /task: version: expected a pinned version, found \^1\.2/,
    'charts-pinned': /chart: expected a pinned chart version like 1\.2\.3, found none/,
  },
  versions: {
    'node-versions-agree': /k8s-work-1: release the node is checked for: expected v1\.11\.3, found v1\.12\.4/,
    'kubernetes-supported': /k8s-work-1: expected Kubernetes .*, found v1\.29\.0/,
  },
  plaintext: {
    'no-plaintext-secrets': /k8s-work-1-validated: environment\.DB_PASSWORD: .* found a value named DB_PASSWORD/,
  },
  proxmoxAccess: {
    'proxmox-tls-verified': /proxmox: expected insecure: false, found insecure: true/,
    'proxmox-no-root-password': /proxmox: expected an API token, found a password of root@pam/,
    'no-insecure-options': /k8s-work-1-validated: create: expected a verified connection/,
  },
  kubernetes: {
    'rbac-without-wildcards': /prox-ops-add-ons-driver-cluster-role: rules\[0\]\.verbs: expected names, found \*/,
    'workloads-non-root': /web: container web: expected runAsNonRoot: true, found it off/,
    'workloads-with-limits': /web: container web: expected resources\.limits for cpu and memory, found none/,
  },
  naming: {
    'vm-names': /k8s-work-1: expected the VM to be named k8s-work-1, found somebody-else/,
    'vm-tags': /k8s-work-1: expected the tag prox-ops, found Prod/,
  },
  capacity: {
    'host-memory': /thor: expected VMs of at most \d+ MiB .*, found \d+ MiB in k8s-work-1, k8s-work-4/,
    'host-cpu': /thor: expected at most 192 virtual cores .* found 1016 in k8s-work-1, k8s-work-4/,
    'host-loss': /thor: if it fails, expected room for its \d+ MiB/,
  },
};

interface Exported {
  deployment: { resources?: unknown[] };
}

/** The real program with something wrong in it, one topic at a time, and the pack on the real engine. */
describe('each topic of the policies blocks an update on the real engine', () => {
  let engine: EngineLab;

  before(async () => {
    engine = await EngineLab.start({ base: 146, nodes: NODES, linstor: { placeCount: 1 } });
    const file = join(engine.project, 'Pulumi.yaml');
    const project = parseDocument(readFileSync(file, 'utf8'));
    project.set('main', join(FIXTURES, 'broken-program'));
    project.setIn(['plugins', 'providers'], [{ name: 'aws', path: join(FIXTURES, 'plugins') }]);
    writeFileSync(file, project.toString());
    const init = await engine.pulumi(['stack', 'init', 'lab']);
    assert.equal(init.code, 0, init.output);
  });

  after(async () => {
    await engine.close();
  });

  async function up(topic: string): Promise<{ code: number | null; found: string }> {
    const policies = join(REPOSITORY, 'policies');
    const pack = ['--policy-pack', policies, '--policy-pack-config', join(policies, 'config.json')];
    const { code, output } = await engine.pulumi(['up', '--yes', ...pack], { PROX_OPS_BREAK: topic });
    // What cannot be judged yet fills pages on a stack that is not built.
    const judged = output.split(/^(?= {8}- \[)/m).filter((entry) => !entry.includes("can't run policy"));
    return { code, found: judged.slice(1).join('') };
  }

  for (const [topic, policies] of Object.entries(TOPICS)) {
    it(topic, async () => {
      const { code, found } = await up(topic);
      assert.notEqual(code, 0, found);
      for (const { name, enforcementLevel } of Object.values(policies)) {
        if (enforcementLevel === 'remediate') continue;
        const message = EXPECTED[topic]?.[name];
        assert.ok(message, `expected a message of ${name}`);
        assert.match(found, new RegExp(`\\[${enforcementLevel}\\] +${name} `));
        assert.match(found, message);
      }
      const { deployment } = JSON.parse((await engine.pulumi(['stack', 'export'])).stdout) as Exported;
      assert.deepEqual(deployment.resources ?? [], []);
      assert.deepEqual(engine.lab.status().vms, []);
    });
  }
});
