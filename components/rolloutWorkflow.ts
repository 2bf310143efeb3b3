import type { StackConfig } from '../config/schema';
import {
  CONTAINER_SECURITY,
  DRIVER_ENVIRONMENT,
  OFF_NODES_IN_TURN,
  POD_SECURITY,
  resources,
  scratch,
} from './podSecurity';

type Trigger = NonNullable<StackConfig['automation']['trigger']>;

export const WORKFLOW = 'prox-ops-rollout';
export const DRIVER_SECRET = 'prox-ops-driver';

interface Parameter {
  name: string;
  value: string;
  description: string;
}

/**
 * What a submission may set: names and defaults of R000-5 and of the orchestrator before us. Where the stack file has a
 * setting of that meaning, its value is the default: so a rollout from here does what one from anywhere else does.
 */
export function rolloutParameters({ cluster, linstor, rollout }: StackConfig): Parameter[] {
  const settings: [string, string, string][] = [
    ['clusterName', cluster.name, 'Cluster; one rollout at a time for each.'],
    ['clusterNamespace', 'default', 'Part of the mutex, beside the name.'],
    ['pollInterval', '30s', 'Pause before a run that was handed over, or found the cluster held, goes on.'],
    ['controlPlaneTimeout', '45m', 'For all control planes.'],
    ['workersTimeout', '60m', 'For all workers.'],
    ['maxRemediations', `${rollout.maxRemediations}`, 'Reboots of a node that does not come up.'],
    ['rebootMode', rollout.rebootMode, 'How Talos reboots it.'],
  ];
  const storage: [string, string, string][] = linstor
    ? [
        ['linstorGuardEnabled', `${linstor.guardEnabled}`, 'No node goes while LINSTOR has a faulty resource.'],
        ['linstorNamespace', linstor.namespace, 'Namespace of the controller.'],
        ['linstorControllerSelector', linstor.controllerSelector, 'Label selector of the controller.'],
        ['linstorStoragePool', linstor.storagePool, 'Pool that must hold no replica before its node goes.'],
        ['linstorEvacuationTimeout', duration(linstor.evacuationTimeout), 'For the replicas of a node to move.'],
        ['linstorSettleTimeout', duration(linstor.settleTimeout), 'For the storage to settle again.'],
      ]
    : [];
  return [...settings, ...storage].map(([name, value, description]) => ({ name, value, description }));
}

/** `45m`, or seconds where it is not a whole number of minutes. */
function duration(seconds: number): string {
  return seconds % 60 === 0 ? `${seconds / 60}m` : `${seconds}s`;
}

/** Settings of the stack file that parameters stand for. */
const SETTINGS: Record<string, string> = {
  maxRemediations: 'rollout.maxRemediations',
  rebootMode: 'rollout.rebootMode',
  linstorGuardEnabled: 'linstor.guardEnabled',
  linstorNamespace: 'linstor.namespace',
  linstorControllerSelector: 'linstor.controllerSelector',
  linstorStoragePool: 'linstor.storagePool',
  linstorEvacuationTimeout: 'linstor.evacuationTimeout',
  linstorSettleTimeout: 'linstor.settleTimeout',
};

/** Exit codes (README.md) after which the same command goes on in another pod: held by another run; handed over. */
const GOES_ON = [5, 6];

/** Spec of the WorkflowTemplate: control planes, then workers, each a `prox-ops roll` of its own. */
export function rolloutWorkflow(config: StackConfig, trigger: Trigger, account: string) {
  const parameters = rolloutParameters(config);
  return {
    entrypoint: 'rollout',
    serviceAccountName: account,
    automountServiceAccountToken: true,
    arguments: { parameters },
    // The name that the orchestrator before us locks: the two never run beside each other.
    synchronization: {
      mutexes: [{ name: 'capi-rollout-{{workflow.parameters.clusterNamespace}}-{{workflow.parameters.clusterName}}' }],
    },
    ttlStrategy: { secondsAfterCompletion: 7 * 24 * 3600 },
    podGC: { strategy: 'OnPodSuccess' },
    securityContext: POD_SECURITY,
    affinity: OFF_NODES_IN_TURN,
    volumes: [scratch('work', '4Gi'), scratch('tmp', '2Gi')],
    templates: [steps(), roll(parameters, trigger)],
  };
}

function steps() {
  const part = (name: string, role: string, timeout: string) => [
    {
      name,
      template: 'roll',
      arguments: {
        parameters: [
          { name: 'role', value: role },
          { name: 'timeout', value: `{{workflow.parameters.${timeout}}}` },
        ],
      },
    },
  ];
  const both = ['control-planes', 'workers'].map((name) => `steps['${name}'].outputs.parameters.summary`);
  return {
    name: 'rollout',
    steps: [part('control-planes', 'controlplane', 'controlPlaneTimeout'), part('workers', 'worker', 'workersTimeout')],
    outputs: { parameters: [{ name: 'summary', valueFrom: { expression: both.join(" + '\\n' + ") } }] },
  };
}

function roll(parameters: Parameter[], { image, stack, repository, revision, privateRepository }: Trigger) {
  const given = parameters.filter(({ name }) => SETTINGS[name] !== undefined);
  const settings = given.flatMap(({ name }) => ['--set', `${SETTINGS[name]}={{workflow.parameters.${name}}}`]);
  const secret = (key: string) => ({ name: DRIVER_SECRET, key });
  return {
    name: 'roll',
    timeout: '{{inputs.parameters.timeout}}',
    inputs: {
      parameters: [{ name: 'role' }, { name: 'timeout' }],
      artifacts: [
        {
          name: 'checkout',
          path: '/work/checkout',
          git: {
            repo: repository,
            revision,
            depth: 1,
            ...(privateRepository && {
              usernameSecret: secret('GIT_USERNAME'),
              passwordSecret: secret('GIT_PASSWORD'),
            }),
          },
        },
      ],
    },
    retryStrategy: {
      limit: '10',
      retryPolicy: 'Always',
      expression: `asInt(lastRetry.exitCode) in [${GOES_ON.join(', ')}]`,
      backoff: { duration: '{{workflow.parameters.pollInterval}}' },
    },
    container: {
      image,
      command: ['prox-ops-project', '/work/checkout', '/work/project'],
      args: [
        ...['prox-ops', 'roll', '--yes', '--stack', stack, '--role', '{{inputs.parameters.role}}'],
        ...['--reason', 'workflow {{workflow.name}}', '--summary-file', '/work/summary.txt'],
        ...settings,
      ],
      workingDir: '/work',
      env: [...DRIVER_ENVIRONMENT, { name: 'HOME', value: '/work' }],
      envFrom: [{ secretRef: { name: DRIVER_SECRET } }],
      securityContext: CONTAINER_SECURITY,
      resources: resources('500m', '1Gi', { cpu: '2', memory: '4Gi' }),
      volumeMounts: [
        { name: 'work', mountPath: '/work' },
        { name: 'tmp', mountPath: '/tmp' },
      ],
    },
    outputs: {
      parameters: [{ name: 'summary', valueFrom: { path: '/work/summary.txt', default: 'stopped before its end' } }],
    },
  };
}
