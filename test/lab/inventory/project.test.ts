import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { validate } from '../../../config/validate';
import { productionInventory } from '../../../lab/inventory/production';
import { labStackFile } from '../../../lab/inventory/project';
import { LabNetwork } from '../../../lab/world/network';
import { production, rawStack, REPOSITORY } from '../../support/stack-files';

const network = new LabNetwork(20);

describe('lab/inventory: the lab stack file', () => {
  it('Pulumi.lab.yaml is the production inventory on loopback, and nothing else', () => {
    const committed = parse(readFileSync(join(REPOSITORY, 'Pulumi.lab.yaml'), 'utf8')) as { config: object };
    const made = parse(labStackFile({ repository: REPOSITORY, network })) as { config: object };
    assert.deepEqual(committed.config, made.config);
  });

  it('is a valid configuration', () => {
    assert.equal(Object.keys(validate(rawStack(join(REPOSITORY, 'Pulumi.lab.yaml'))).nodes).length, 15);
  });

  it('names no address outside loopback', () => {
    const text = labStackFile({ repository: REPOSITORY, network });
    assert.doesNotMatch(text, /\b10\.20\./);
  });

  it('keeps the nodes asked for, and refuses a name that is none', () => {
    const { config } = parse(labStackFile({ repository: REPOSITORY, network, nodes: ['k8s-ctrl-1'] })) as {
      config: Record<string, object>;
    };
    assert.deepEqual(Object.keys(config['prox-ops:nodes'] ?? {}), ['k8s-ctrl-1']);
    assert.throws(() => labStackFile({ repository: REPOSITORY, network, nodes: ['k8s-work-99'] }), /k8s-work-99/);
  });
});

describe('lab/inventory: the hypervisors', () => {
  it('are those that Pulumi.prod.yaml describes', () => {
    const described = production().proxmox.hosts;
    const { hosts, storages } = productionInventory(network);
    const emulated = hosts.map(({ name, memory, cores, bridges, pci }) => ({
      name,
      memory: memory / 2 ** 20,
      cores,
      bridges,
      storages: storages.map((storage) => storage.name),
      pci: pci.map(({ mapping }) => mapping),
    }));
    assert.deepEqual(described, emulated);
  });
});
