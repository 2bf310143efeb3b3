import assert from 'node:assert/strict';
import fc from 'fast-check';
import { planCluster, replacementOrder, type ClusterPlan, type NodePlan } from '../../config/plan';
import type { HostConfig, StackConfig } from '../../config/schema';
import { clusters, fewerNodes, reordered } from '../support/clusters';

/** Asserts something of many clusters, each with a variation of itself. */
function forAny(
  vary: (config: StackConfig) => fc.Arbitrary<StackConfig>,
  check: (one: StackConfig, other: StackConfig) => void,
): void {
  const pairs = clusters().chain((config) => fc.tuple(fc.constant(config), vary(config)));
  fc.assert(
    fc.property(pairs, ([one, other]) => {
      check(one, other);
    }),
  );
}

function forAnyPlan(check: (plan: ClusterPlan, config: StackConfig) => void): void {
  fc.assert(
    fc.property(clusters(), (config) => {
      check(planCluster(config), config);
    }),
  );
}

function assertDistinct(values: (string | number)[], what: string): void {
  assert.equal(new Set(values).size, values.length, `two with one ${what}`);
}

/** What a node keeps for life. */
function identity({ name, vmId, uuid, address, nics }: NodePlan): object {
  return { name, vmId, uuid, address, nics };
}

describe('config/plan, for any cluster', () => {
  it('does not depend on the order of the nodes in the file', () => {
    forAny(reordered, (one, other) => {
      assert.deepEqual(planCluster(other), planCluster(one));
    });
  });

  it('nodes that come or go change nothing about the others', () => {
    forAny(fewerNodes, (all, fewer) => {
      const names = Object.keys(fewer.nodes);
      const kept = planCluster(all).nodes.filter(({ name }) => names.includes(name));
      assert.deepEqual(planCluster(fewer).nodes, kept);
    });
  });

  it('nodes that come or go change no template that stays needed', () => {
    forAny(fewerNodes, (all, fewer) => {
      const templates = new Map(planCluster(all).templates.map((template) => [template.key, template]));
      for (const template of planCluster(fewer).templates) assert.deepEqual(template, templates.get(template.key));
    });
  });

  it('another active slot changes the release of a node and nothing of its identity', () => {
    const swapped = ({ releases, ...rest }: StackConfig): fc.Arbitrary<StackConfig> => {
      const { active, a, b } = releases;
      const release = a ?? b;
      assert.ok(release);
      return fc.constant({ ...rest, releases: { active: active === 'a' ? 'b' : 'a', a: release, b: release } });
    };
    forAny(swapped, (one, other) => {
      const [before, after] = [planCluster(one), planCluster(other)];
      assert.deepEqual(after.nodes.map(identity), before.nodes.map(identity));
      const common = after.nodes.filter((node, index) => node.templateVmId === before.nodes[index]?.templateVmId);
      assert.deepEqual(common, [], 'a node would be cloned from the template of the other slot');
    });
  });

  it('a host that is appended changes nothing', () => {
    const appended = (config: StackConfig): fc.Arbitrary<StackConfig> => {
      const [first] = config.proxmox.hosts;
      assert.ok(first);
      const host: HostConfig = { ...first, name: 'zz-appended' };
      return fc.constant({ ...config, proxmox: { ...config.proxmox, hosts: [...config.proxmox.hosts, host] } });
    };
    forAny(appended, (one, other) => {
      assert.deepEqual(planCluster(other), planCluster(one));
    });
  });

  it('no two VMs share an id, a name or a UUID, no two NICs a MAC', () => {
    forAnyPlan(({ nodes, templates }) => {
      assertDistinct(
        [...nodes, ...templates].map(({ vmId }) => vmId),
        'VM id',
      );
      assertDistinct(
        nodes.map(({ uuid }) => uuid),
        'UUID',
      );
      assertDistinct(
        nodes.map(({ address }) => address),
        'address',
      );
      assertDistinct(
        nodes.flatMap(({ nics }) => nics.map(({ mac }) => mac)),
        'MAC',
      );
      assertDistinct(
        templates.map(({ key }) => key),
        'template key',
      );
      const active = new Set(nodes.map(({ slot }) => slot));
      const names = templates.filter(({ slot }) => active.has(slot)).map(({ name }) => name);
      assertDistinct([...names, ...nodes.map(({ name }) => name)], 'name');
    });
  });

  it('each slot keeps to its own ids, and both have the same templates', () => {
    forAnyPlan(({ templates }, { proxmox, releases }) => {
      for (const { slot, vmId } of templates) {
        const first = proxmox.templateIds[slot];
        assert.ok(vmId >= first && vmId < first + proxmox.hosts.length * 2, `${vmId} is outside slot ${slot}`);
      }
      if (!releases.a || !releases.b) return;
      const kinds = (wanted: string) =>
        templates.filter(({ slot }) => slot === wanted).map(({ host, variant }) => `${host} ${variant}`);
      assert.deepEqual(kinds('a'), kinds('b'));
    });
  });

  it('every node has a template of its release and variant on its own host, and no template is there for nobody', () => {
    forAnyPlan(({ nodes, templates }) => {
      for (const node of nodes) {
        const template = templates.find(({ key }) => key === node.template);
        assert.equal(template?.vmId, node.templateVmId);
        const { host, variant, slot, release } = template;
        assert.deepEqual(
          { host, variant, slot, release },
          { host: node.host, variant: node.variant, slot: node.slot, release: node.release },
        );
      }
      for (const { host, variant } of templates)
        assert.ok(nodes.some((node) => node.host === host && node.variant === variant));
    });
  });

  it('R000-1 replaces control planes first, then by VM id; the first control plane is the one that bootstraps', () => {
    forAnyPlan(({ nodes, controlPlanes, first }) => {
      assert.deepEqual(nodes.slice(0, controlPlanes.length), controlPlanes);
      assert.ok(nodes.slice(controlPlanes.length).every(({ role }) => role === 'worker'));
      assert.deepEqual([...nodes].reverse().sort(replacementOrder), nodes);
      assert.equal(first, controlPlanes[0]);
      for (const role of ['controlplane', 'worker']) {
        const ids = nodes.filter((node) => node.role === role).map(({ vmId }) => vmId);
        assert.deepEqual(
          ids,
          [...ids].sort((left, right) => left - right),
        );
      }
    });
  });
});
