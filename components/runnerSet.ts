import type { StackConfig } from '../config/schema';
import {
  CONTAINER_SECURITY,
  DRIVER_ENVIRONMENT,
  OFF_NODES_IN_TURN,
  POD_SECURITY,
  resources,
  scratch,
} from './podSecurity';

interface Surroundings {
  namespace: string;
  account: string;
  secret: string;
  controllerImage: string;
}

/** GitHub's runner writes beside its own programs. */
const RUNNER_HOME = '/home/runner';

/** Labels and spec of an AutoscalingRunnerSet whose pods are used for one job each. */
export function runnerSet(
  config: NonNullable<StackConfig['automation']['runners']>,
  { namespace, account, secret, controllerImage }: Surroundings,
) {
  return {
    labels: {
      // A set of another version than its controller's is deleted by the controller.
      'app.kubernetes.io/version': tagOf(controllerImage),
      'app.kubernetes.io/part-of': 'gha-rs',
      'app.kubernetes.io/component': 'autoscaling-runner-set',
      'actions.github.com/scale-set-name': config.scaleSet,
      'actions.github.com/scale-set-namespace': namespace,
    },
    spec: {
      githubConfigUrl: config.configUrl,
      githubConfigSecret: secret,
      runnerScaleSetName: config.scaleSet,
      minRunners: config.minimum,
      maxRunners: config.maximum,
      listenerTemplate: { spec: listenerPod() },
      template: { spec: runnerPod(config.image, account) },
    },
  };
}

function tagOf(image: string): string {
  const tag = /:([^/:@]+)(@|$)/.exec(image)?.[1];
  if (tag === undefined) throw new Error(`${image}: expected a tag, which is the version of the runner controller`);
  return tag;
}

function runnerPod(image: string, account: string) {
  const home = { name: 'home', mountPath: RUNNER_HOME };
  const tmp = { name: 'tmp', mountPath: '/tmp' };
  return {
    restartPolicy: 'Never',
    serviceAccountName: account,
    automountServiceAccountToken: true,
    securityContext: POD_SECURITY,
    affinity: OFF_NODES_IN_TURN,
    initContainers: [
      {
        name: 'home',
        image,
        command: ['cp', '-a', `${RUNNER_HOME}/.`, '/copy/'],
        securityContext: CONTAINER_SECURITY,
        resources: resources('100m', '128Mi', { cpu: '1', memory: '512Mi' }),
        volumeMounts: [{ name: 'home', mountPath: '/copy' }],
      },
    ],
    containers: [
      {
        name: 'runner',
        image,
        command: [`${RUNNER_HOME}/run.sh`],
        env: [
          ...DRIVER_ENVIRONMENT,
          // A pod that is told to end cancels its job, so that the driver can stop cleanly.
          { name: 'RUNNER_MANUALLY_TRAP_SIG', value: '1' },
        ],
        securityContext: CONTAINER_SECURITY,
        resources: resources('500m', '1Gi', { cpu: '2', memory: '4Gi' }),
        volumeMounts: [home, tmp],
      },
    ],
    volumes: [scratch('home', '12Gi'), scratch('tmp', '4Gi')],
  };
}

/** The pod that waits for jobs. ARC adds image and command. */
function listenerPod() {
  return {
    securityContext: POD_SECURITY,
    containers: [
      {
        name: 'listener',
        securityContext: CONTAINER_SECURITY,
        resources: resources('20m', '64Mi', { cpu: '200m', memory: '256Mi' }),
      },
    ],
  };
}
