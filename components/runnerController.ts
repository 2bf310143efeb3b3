import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import { ownedBy } from './ownedObjects';
import { CONTAINER_SECURITY, POD_SECURITY, resources, scratch } from './podSecurity';

export interface RunnerControllerArgs {
  namespace: string;
  /** Image of ARC's controller. */
  image: string;
  /** For every object. */
  object: pulumi.CustomResourceOptions;
}

const NAME = 'arc-controller';
const SELECTOR = { 'app.kubernetes.io/name': NAME };

/**
 * GitHub's Actions Runner Controller, for runner scale sets in its own namespace alone: so Roles are enough for it. Two
 * replicas, one of them leading: the drain of a node takes one along.
 */
export class RunnerController extends pulumi.ComponentResource {
  constructor(
    name: string,
    private readonly args: RunnerControllerArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super('prox-ops:automation:RunnerController', name, {}, opts);
    const account = this.createAccount(name);
    this.createRole(name, account);
    this.createDeployment(name, account);
    this.createBudget(name);
    this.registerOutputs({});
  }

  private get metadata() {
    return { ...ownedBy(SELECTOR), name: NAME, namespace: this.args.namespace };
  }

  private get options(): pulumi.CustomResourceOptions {
    return { ...this.args.object, parent: this };
  }

  private createAccount(name: string): pulumi.Resource {
    const { metadata, options } = this;
    return new k8s.core.v1.ServiceAccount(
      `${name}-account`,
      { metadata, automountServiceAccountToken: false },
      options,
    );
  }

  private createRole(name: string, account: pulumi.Resource): void {
    const { metadata, options } = this;
    const role = new k8s.rbac.v1.Role(`${name}-role`, { metadata, rules: RULES }, options);
    new k8s.rbac.v1.RoleBinding(
      `${name}-binding`,
      {
        metadata,
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: NAME },
        subjects: [{ kind: 'ServiceAccount', name: NAME, namespace: this.args.namespace }],
      },
      { ...options, dependsOn: [role, account] },
    );
  }

  private createDeployment(name: string, account: pulumi.Resource): void {
    const { labels, annotations, ...metadata } = this.metadata;
    // A controller that does not come up must not fail an update that mends nodes.
    const waitless = { ...annotations, 'pulumi.com/skipAwait': 'true' };
    new k8s.apps.v1.Deployment(
      `${name}-deployment`,
      {
        metadata: { ...metadata, labels, annotations: waitless },
        spec: {
          replicas: 2,
          selector: { matchLabels: SELECTOR },
          template: { metadata: { labels: SELECTOR }, spec: this.pod() },
        },
      },
      { ...this.options, dependsOn: [account] },
    );
  }

  private pod() {
    const { image, namespace } = this.args;
    const elsewhere = { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: SELECTOR } };
    return {
      serviceAccountName: NAME,
      automountServiceAccountToken: true,
      securityContext: POD_SECURITY,
      affinity: {
        podAntiAffinity: {
          preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm: elsewhere }],
        },
      },
      containers: [
        {
          name: 'manager',
          image,
          command: ['/manager'],
          args: [
            '--auto-scaling-runner-set-only',
            '--enable-leader-election',
            `--leader-election-id=${NAME}`,
            `--watch-single-namespace=${namespace}`,
            '--log-level=info',
            '--log-format=json',
            '--metrics-addr=0',
            '--listener-metrics-addr=0',
            '--listener-metrics-endpoint=',
          ],
          env: [
            { name: 'CONTROLLER_MANAGER_CONTAINER_IMAGE', value: image },
            {
              name: 'CONTROLLER_MANAGER_POD_NAMESPACE',
              valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } },
            },
          ],
          securityContext: CONTAINER_SECURITY,
          resources: resources('50m', '128Mi', { cpu: '500m', memory: '512Mi' }),
          volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }],
        },
      ],
      volumes: [scratch('tmp', '64Mi')],
    };
  }

  /** One of two may always go, and one that is not well at any time. */
  private createBudget(name: string): void {
    const { metadata, options } = this;
    const spec = {
      maxUnavailable: 1,
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
      selector: { matchLabels: SELECTOR },
    };
    new k8s.policy.v1.PodDisruptionBudget(`${name}-budget`, { metadata, spec }, options);
  }
}

const ARC = 'actions.github.com';
const ALL = ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'];
const SETS = ['autoscalingrunnersets', 'autoscalinglisteners', 'ephemeralrunnersets', 'ephemeralrunners'];

/**
 * What ARC's own charts give a controller of a single namespace: it makes a secret, an account and a role for each
 * listener. It can grant no more than it has itself.
 */
const RULES = [
  { apiGroups: [ARC], resources: SETS, verbs: ALL },
  { apiGroups: [ARC], resources: SETS.map((set) => `${set}/finalizers`), verbs: ['patch', 'update'] },
  { apiGroups: [ARC], resources: SETS.map((set) => `${set}/status`), verbs: ['get', 'patch', 'update'] },
  { apiGroups: [''], resources: ['pods'], verbs: ['create', 'delete', 'get', 'list', 'watch'] },
  { apiGroups: [''], resources: ['pods/status'], verbs: ['get'] },
  { apiGroups: [''], resources: ['secrets'], verbs: ['create', 'delete', 'get', 'list', 'patch', 'update'] },
  { apiGroups: [''], resources: ['serviceaccounts'], verbs: ALL },
  { apiGroups: ['rbac.authorization.k8s.io'], resources: ['roles', 'rolebindings'], verbs: ALL },
  {
    apiGroups: ['coordination.k8s.io'],
    resources: ['leases'],
    verbs: ['create', 'delete', 'get', 'list', 'update', 'watch'],
  },
  { apiGroups: [''], resources: ['events'], verbs: ['create', 'patch'] },
];
