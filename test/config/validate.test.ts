import assert from 'node:assert/strict';
import { join } from 'node:path';
import { ConfigError, validate } from '../../config/validate';
import { rawStack, REPOSITORY } from '../support/stack-files';

/* eslint-disable @typescript-eslint/no-explicit-any -- fixtures are spoilt on purpose, at any depth */

/** Problems of the production file after it was spoilt. */
function problemsOf(spoil: (stack: any) => void): { path: string; message: string }[] {
  const stack = rawStack(join(REPOSITORY, 'Pulumi.prod.yaml'));
  spoil(stack);
  try {
    validate(stack);
    return [];
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.problems;
  }
}

interface Case {
  hazard: string;
  spoil: (stack: any) => void;
  path: string;
  message: RegExp;
}

const CASES: Case[] = [
  {
    hazard: 'two nodes with one VM id',
    spoil: (stack) => (stack.nodes['k8s-work-2'].vmId = 8001),
    path: 'nodes.k8s-work-2.vmId',
    message: /of its own, found 8001, which k8s-ctrl-1 has/,
  },
  {
    hazard: 'two nodes with one address',
    spoil: (stack) => (stack.nodes['k8s-work-2'].address = '10.20.67.1'),
    path: 'nodes.k8s-work-2.address',
    message: /which k8s-ctrl-1 has/,
  },
  {
    hazard: "a node on the cluster's virtual address",
    spoil: (stack) => (stack.nodes['k8s-work-2'].address = '10.20.67.20'),
    path: 'nodes.k8s-work-2.address',
    message: /another address than the cluster's VIP/,
  },
  {
    hazard: 'an address outside its subnet',
    spoil: (stack) => (stack.nodes['k8s-work-2'].address = '10.20.70.5'),
    path: 'nodes.k8s-work-2.address',
    message: /in 10\.20\.66\.0\/23, found 10\.20\.70\.5/,
  },
  {
    hazard: 'a gateway outside the subnet',
    spoil: (stack) => (stack.cluster.gateway = '10.21.0.1'),
    path: 'cluster.gateway',
    message: /in 10\.20\.66\.0\/23/,
  },
  {
    hazard: 'an even number of control planes',
    spoil: (stack) => delete stack.nodes['k8s-ctrl-3'],
    path: 'nodes',
    message: /odd number of control planes.*found 2/,
  },
  {
    hazard: 'a host that does not exist',
    spoil: (stack) => (stack.nodes['k8s-work-2'].host = 'loki'),
    path: 'nodes.k8s-work-2.host',
    message: /baldar, heimdall, odin, thor, found loki/,
  },
  {
    hazard: 'template slots that overlap',
    spoil: (stack) => (stack.proxmox.templateIds.b = 9004),
    path: 'proxmox.templateIds',
    message: /at least 8 ids apart/,
  },
  {
    hazard: 'a node inside a template slot',
    spoil: (stack) => (stack.nodes['k8s-work-2'].vmId = 9003),
    path: 'nodes.k8s-work-2.vmId',
    message: /outside the template slot 9000-9007/,
  },
  {
    hazard: 'a PCI mapping used twice',
    spoil: (stack) => Object.assign(stack.nodes['k8s-work-5'], { variant: 'gpu', pci: ['thor-gpu'] }),
    path: 'nodes.k8s-work-5.pci',
    message: /thor-gpu, which k8s-work-4 uses/,
  },
  {
    hazard: 'a GPU on the plain schematic',
    spoil: (stack) => (stack.nodes['k8s-work-4'].variant = 'standard'),
    path: 'nodes.k8s-work-4.variant',
    message: /expected variant gpu/,
  },
  {
    hazard: 'a VLAN without the trunk bridge',
    spoil: (stack) => delete stack.proxmox.trunkBridge,
    path: 'nodes.k8s-work-1.networks.iot',
    message: /proxmox\.trunkBridge/,
  },
  {
    hazard: 'a network nobody declared',
    spoil: (stack) => (stack.nodes['k8s-work-1'].networks.guest = '10.20.90.4/24'),
    path: 'nodes.k8s-work-1.networks.guest',
    message: /one of iot, dmz/,
  },
  {
    hazard: 'an active slot that is empty',
    spoil: (stack) => (stack.releases.active = 'b'),
    path: 'releases.active',
    message: /releases\.b to be filled/,
  },
  {
    hazard: "a Kubernetes version outside Talos' range",
    spoil: (stack) => (stack.releases.a.kubernetes = 'v1.36.0'),
    path: 'releases.a.kubernetes',
    message: /v1\.29 to v1\.34 with Talos v1\.11\.3, found v1\.36\.0/,
  },
  {
    hazard: 'a version that is not pinned',
    spoil: (stack) => (stack.releases.a.talos = 'latest'),
    path: 'releases.a.talos',
    message: /pinned version like v1\.12\.0, found "latest"/,
  },
  {
    hazard: 'LINSTOR without the DRBD extension',
    spoil: (stack) => (stack.talos.extensions.gpu = []),
    path: 'talos.extensions.gpu',
    message: /siderolabs\/drbd/,
  },
  {
    hazard: 'LINSTOR without a data disk',
    spoil: (stack) => delete stack.roles.worker.dataDisk,
    path: 'roles.worker.dataDisk',
    message: /data disk/,
  },
  {
    hazard: 'health timeouts that contradict each other',
    spoil: (stack) => (stack.rollout = { healthTimeout: 30, healthCheckTimeout: 30, healthPasses: 2 }),
    path: 'rollout.healthTimeout',
    message: /at least .* = 60 s, found 30 s/,
  },
  {
    hazard: 'a misspelt key',
    spoil: (stack) => (stack.proxmox.storrage = 'x'),
    path: 'proxmox.storrage',
    message: /unknown key; did you mean 'storage'\?/,
  },
  {
    hazard: 'a misspelt key of a node',
    spoil: (stack) => (stack.nodes['k8s-work-1'].adress = 'x'),
    path: 'nodes.k8s-work-1.adress',
    message: /did you mean 'address'\?/,
  },
  {
    hazard: 'something missing',
    spoil: (stack) => delete stack.cluster.vip,
    path: 'cluster.vip',
    message: /found nothing/,
  },
  {
    hazard: 'an API endpoint without TLS',
    spoil: (stack) => (stack.proxmox.endpoint = 'http://10.20.66.10:8006'),
    path: 'proxmox.endpoint',
    message: /found "http:/,
  },
];

describe('config/validate', () => {
  it('accepts Pulumi.prod.yaml', () => {
    assert.deepEqual(
      problemsOf(() => undefined),
      [],
    );
  });

  for (const { hazard, spoil, path, message } of CASES) {
    it(`refuses ${hazard}, for that reason alone`, () => {
      const problems = problemsOf(spoil);
      assert.ok(problems.length > 0, 'accepted');
      const problem = problems.find((candidate) => candidate.path === path);
      assert.ok(problem, `expected a problem at ${path}, found ${JSON.stringify(problems)}`);
      assert.match(problem.message, message);
    });
  }

  it('tells all problems at once, each with its path', () => {
    const problems = problemsOf((stack) => {
      stack.nodes['k8s-work-2'].vmId = 8001;
      stack.nodes['k8s-work-3'].host = 'loki';
    });
    assert.deepEqual(
      problems.map(({ path }) => path),
      ['nodes.k8s-work-2.vmId', 'nodes.k8s-work-3.host'],
    );
  });
});
