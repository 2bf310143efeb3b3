import assert from 'node:assert/strict';
import { planCluster, wantsAddOns } from '../../config/plan';
import { pinnedImage } from '../../config/pins';
import type { StackConfig } from '../../config/schema';
import { validate } from '../../config/validate';
import { POLICIES } from '../../policies/pack';
import { judge } from '../support/policies';
import { cluster, configureStack } from '../support/policy-cluster';
import { production, rawStack, REPOSITORY } from '../support/stack-files';
import { buildAddOns, type Registration } from './support/addOns';
import { AUTOMATION } from './support/automation';

interface Container {
  name: string;
  image?: string;
  securityContext: Record<string, unknown>;
  resources: { limits?: Record<string, string> };
  env?: { name: string }[];
  volumeMounts?: { name: string; mountPath: string }[];
}

interface Pod {
  securityContext: Record<string, unknown>;
  containers: Container[];
  initContainers?: Container[];
  serviceAccountName?: string;
  affinity?: { nodeAffinity: object };
  volumes?: { emptyDir?: { sizeLimit?: string } }[];
}

/** Add-ons of the production stack with all automation switched on. */
async function build(change: (config: StackConfig) => void = () => undefined): Promise<Registration[]> {
  const { found } = await buildAddOns({ driverAccess: true, automation: true }, (config) => {
    config.automation = AUTOMATION;
    change(config);
  });
  return found;
}

function only(found: Registration[], kind: string, name: string): Registration {
  const all = found.filter(({ type, inputs }) => type.endsWith(`:${kind}`) && inputs.metadata?.name === name);
  assert.equal(all.length, 1, `${kind} ${name}`);
  return all[0] as Registration;
}

const spec = <T>({ inputs }: Registration): T => inputs.spec as T;

describe('Automation', () => {
  let found: Registration[];

  before(async () => {
    found = await build();
  });

  it('is off unless the stack file says otherwise: the production stack has none of it', async () => {
    assert.equal(planCluster(production()).addons.automation, false);
    const config = production();
    config.addons.driverAccess = false;
    config.addons.nvidiaRuntimeClass = false;
    assert.equal(wantsAddOns(planCluster(config)), false);
    config.automation = { flux: AUTOMATION.flux };
    assert.equal(wantsAddOns(planCluster(config)), true);
    const { found: facts } = await buildAddOns({ automation: true }, (changed) => {
      changed.automation = { flux: AUTOMATION.flux };
    });
    assert.deepEqual(
      facts.filter(({ type }) => type.startsWith('kubernetes:')).map(({ type }) => type.split(':').at(-1)),
      ['ConfigMap'],
    );
  });

  it('the stack file says it in a form that is accepted', () => {
    const config = validate({ ...rawStack(`${REPOSITORY}/Pulumi.prod.yaml`), automation: AUTOMATION });
    assert.deepEqual(config.automation, AUTOMATION);
  });

  it('no policy has anything against it, and they look at its pods', async () => {
    configureStack();
    const described = found.map(({ type, name, inputs }) => ({
      urn: `urn:pulumi:prod::prox-ops::${type}::${name}`,
      type,
      name,
      props: JSON.parse(JSON.stringify(inputs)) as Record<string, unknown>,
    }));
    const objects = described.filter(({ type }) => type.startsWith('kubernetes:'));
    const { violations } = await judge(POLICIES, [...cluster(), ...objects]);
    assert.deepEqual(violations, []);
    const root = structuredClone(objects);
    for (const object of root) asRoot(object.props);
    const refused = (await judge(POLICIES, [...cluster(), ...root])).violations.map(({ urn }) =>
      urn.split('::').at(-1),
    );
    assert.deepEqual([...new Set(refused)].sort(), [
      'prod-automation-runners-controller-deployment',
      'prod-automation-runners-set',
      'prod-automation-trigger-workflow',
    ]);
  });

  it('the driver’s roles are bound to the accounts of runners and workflows, and to no other', () => {
    const bindings = found.filter(
      ({ type, inputs }) => type.endsWith('Binding') && inputs.metadata?.name === 'prox-ops',
    );
    assert.equal(bindings.length, 3);
    for (const { inputs } of bindings)
      assert.deepEqual(
        (inputs.subjects as { name: string; namespace: string }[]).map(({ name, namespace }) => `${namespace}/${name}`),
        ['prox-ops/prox-ops', 'github-actions/prox-ops-runner', 'argo/prox-ops-rollout'],
      );
  });

  describe('R004-FR3 runners', () => {
    const set = () =>
      spec<{
        minRunners: number;
        maxRunners: number;
        githubConfigSecret: string;
        template: { spec: Pod };
        listenerTemplate: { spec: Pod };
      }>(only(found, 'AutoscalingRunnerSet', 'prox-ops'));

    it('2 to 5 of them, in github-actions, which admits restricted pods alone', () => {
      assert.deepEqual([set().minRunners, set().maxRunners], [2, 5]);
      const home = only(found, 'Namespace', 'github-actions');
      assert.equal(home.inputs.metadata?.labels['pod-security.kubernetes.io/enforce'], 'restricted');
    });

    it('every container is without root, privileges and a writable root, and has limits', () => {
      const deployment = spec<{ template: { spec: Pod } }>(only(found, 'Deployment', 'arc-controller')).template.spec;
      for (const pod of [set().template.spec, set().listenerTemplate.spec, deployment]) {
        assert.deepEqual(
          [pod.securityContext.runAsNonRoot, pod.securityContext.seccompProfile],
          [true, { type: 'RuntimeDefault' }],
        );
        for (const { name, securityContext, resources } of [...(pod.initContainers ?? []), ...pod.containers]) {
          const { readOnlyRootFilesystem, allowPrivilegeEscalation, capabilities } = securityContext;
          assert.deepEqual(
            [readOnlyRootFilesystem, allowPrivilegeEscalation, capabilities],
            [true, false, { drop: ['ALL'] }],
            name,
          );
          assert.deepEqual(Object.keys(resources.limits ?? {}), ['cpu', 'memory'], name);
        }
        for (const volume of pod.volumes ?? []) assert.ok(volume.emptyDir?.sizeLimit);
      }
    });

    it('a runner is told its node, and is never put onto one that is about to be replaced', () => {
      const { containers, affinity, serviceAccountName } = set().template.spec;
      const names = containers[0]?.env?.map(({ name }) => name) ?? [];
      for (const name of ['PROX_OPS_NODE_NAME', 'PROX_OPS_KUBECONFIG']) assert.ok(names.includes(name), name);
      assert.match(JSON.stringify(affinity), /"prox-ops.io\/awaits-turn","operator":"DoesNotExist"/);
      assert.equal(serviceAccountName, 'prox-ops-runner');
    });

    it('the set has its controller’s version: of another one it would be deleted', () => {
      const { labels } = only(found, 'AutoscalingRunnerSet', 'prox-ops').inputs.metadata ?? {};
      assert.equal(pinnedImage('arc-controller').split(':').at(-1), labels?.['app.kubernetes.io/version']);
    });

    it('the app’s key comes from an external store, and no secret is in what is registered', () => {
      const { target, dataFrom } = spec<{ target: { name: string }; dataFrom: object[] }>(
        only(found, 'ExternalSecret', 'prox-ops-github-app'),
      );
      assert.equal(target.name, set().githubConfigSecret);
      assert.deepEqual(dataFrom, [{ extract: { key: 'prox-ops/app' } }]);
      assert.deepEqual(
        found.filter(({ type }) => type.endsWith(':Secret')),
        [],
      );
    });

    it('budgets leave one runner and one controller, in the only form that counts a runner’s pods', () => {
      const runners = spec<object>(only(found, 'PodDisruptionBudget', 'prox-ops-runners'));
      assert.deepEqual(runners, {
        minAvailable: 1,
        unhealthyPodEvictionPolicy: 'AlwaysAllow',
        selector: {
          matchLabels: { 'actions.github.com/scale-set-name': 'prox-ops', 'app.kubernetes.io/component': 'runner' },
        },
      });
      const { replicas } = spec<{ replicas: number }>(only(found, 'Deployment', 'arc-controller'));
      const { maxUnavailable } = spec<{ maxUnavailable: number }>(only(found, 'PodDisruptionBudget', 'arc-controller'));
      assert.ok(replicas > maxUnavailable && maxUnavailable === 1);
    });

    it('nothing comes into the namespace, and every pod’s way out is limited', () => {
      const { podSelector, policyTypes, ...rest } = spec<Record<string, unknown>>(
        only(found, 'NetworkPolicy', 'default'),
      );
      assert.deepEqual([podSelector, policyTypes, 'ingress' in rest], [{}, ['Ingress', 'Egress'], false]);
    });

    it('a controller that does not come up fails no update', () => {
      const { annotations } = only(found, 'Deployment', 'arc-controller').inputs.metadata ?? {};
      assert.equal(annotations?.['pulumi.com/skipAwait'], 'true');
    });
  });

  describe('R000-8 the trigger in the cluster', () => {
    interface Workflow {
      arguments: { parameters: { name: string; value: string }[] };
      synchronization: { mutexes: { name: string }[] };
      templates: { name: string; container?: Container & { args: string[] }; steps?: { name: string }[][] }[];
    }
    const workflow = () => spec<Workflow>(only(found, 'WorkflowTemplate', 'prox-ops-rollout'));

    it('R000-5 has the parameters and defaults of the orchestrator before it', () => {
      const parameters = workflow().arguments.parameters.map(({ name, value }) => [name, value]);
      assert.deepEqual(Object.fromEntries(parameters), {
        clusterName: 'prox-ops',
        clusterNamespace: 'default',
        pollInterval: '30s',
        controlPlaneTimeout: '45m',
        workersTimeout: '60m',
        maxRemediations: '2',
        rebootMode: 'powercycle',
        linstorGuardEnabled: 'true',
        linstorNamespace: 'piraeus-datastore',
        linstorControllerSelector: 'app.kubernetes.io/component=linstor-controller',
        linstorStoragePool: 'lvm-thick',
        linstorEvacuationTimeout: '45m',
        linstorSettleTimeout: '30m',
      });
    });

    it('defaults are the stack file’s own; a cluster without LINSTOR has no parameter of it', async () => {
      const values = async (change: (config: StackConfig) => void) => {
        const changed = spec<Workflow>(only(await build(change), 'WorkflowTemplate', 'prox-ops-rollout'));
        return Object.fromEntries(changed.arguments.parameters.map(({ name, value }) => [name, value]));
      };
      const slower = await values(({ linstor }) => {
        if (linstor) linstor.evacuationTimeout = 3601;
      });
      assert.equal(slower.linstorEvacuationTimeout, '3601s');
      const without = await values((config) => {
        delete config.linstor;
      });
      assert.deepEqual(
        Object.keys(without).filter((name) => name.startsWith('linstor')),
        [],
      );
    });

    it('every parameter is used', () => {
      const { arguments: given, ...rest } = workflow();
      const text = JSON.stringify(rest);
      for (const { name } of given.parameters) assert.ok(text.includes(`{{workflow.parameters.${name}}}`), name);
    });

    it('one rollout at a time for a cluster: control planes, then workers', () => {
      assert.deepEqual(workflow().synchronization, {
        mutexes: [
          { name: 'capi-rollout-{{workflow.parameters.clusterNamespace}}-{{workflow.parameters.clusterName}}' },
        ],
      });
      const steps = workflow().templates.find(({ name }) => name === 'rollout')?.steps ?? [];
      assert.deepEqual(
        steps.map((parallel) => parallel.map(({ name }) => name)),
        [['control-planes'], ['workers']],
      );
    });

    it('only a change of the control planes’ template submits one', () => {
      const sensor = spec<{ dependencies: { eventSourceName: string; eventName: string }[] }>(
        only(found, 'Sensor', 'prox-ops-rollout'),
      );
      const source = spec<{ resource: Record<string, { filter: { labels: object[] } }> }>(
        only(found, 'EventSource', 'prox-ops-releases'),
      );
      assert.deepEqual(
        sensor.dependencies.map(({ eventName }) => eventName),
        Object.keys(source.resource),
      );
      assert.deepEqual(
        Object.values(source.resource).map(({ filter }) => filter.labels),
        [[{ key: 'prox-ops.io/template', operation: '==', value: 'controlplane' }]],
      );
    });
  });

  it('Flux is told facts, as variables', () => {
    const facts = only(found, 'ConfigMap', 'prox-ops-cluster');
    assert.equal(facts.inputs.metadata?.namespace, 'flux-system');
    const data = facts.inputs.data as Record<string, string>;
    for (const [name, value] of Object.entries(data)) {
      assert.match(name, /^[_A-Z][_A-Z0-9]*$/);
      assert.equal(typeof value, 'string');
    }
    assert.deepEqual(
      [data.TALOS_VERSION, data.KUBERNETES_VERSION, data.CLUSTER_CONTROL_PLANES, data.CLUSTER_WORKERS_COUNT],
      ['v1.11.3', 'v1.34.1', 'k8s-ctrl-1,k8s-ctrl-2,k8s-ctrl-3', '12'],
    );
    assert.deepEqual([data.LINSTOR_STORAGE_POOL, data.CLUSTER_GPU_NODES], ['lvm-thick', 'k8s-work-4,k8s-work-14']);
  });
});

/** Every container of it, wherever it stands, runs as root. */
function asRoot(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  const object = value as Record<string, unknown>;
  if ('image' in object && 'securityContext' in object) object.securityContext = { runAsUser: 0 };
  for (const inner of Object.values(object)) asRoot(inner);
}
