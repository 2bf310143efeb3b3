import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import { TEMPLATE_LABEL } from '../config/releaseTemplates';
import type { StackConfig } from '../config/schema';
import { ownedBy } from './ownedObjects';
import { CONTAINER_SECURITY, POD_SECURITY, resources } from './podSecurity';
import { DRIVER_SECRET, rolloutWorkflow, WORKFLOW } from './rolloutWorkflow';

/** Service account of the workflow's pods: bound to the driver's roles, and to what Argo's own container needs. */
export const ROLLOUT_ACCOUNT = 'prox-ops-rollout';
/** That of the event source, which watches releases. */
const WATCHER = 'prox-ops-release-watcher';
/** That of the sensor, which submits rollouts. */
const SUBMITTER = 'prox-ops-rollout-submitter';

const EVENT_SOURCE = 'prox-ops-releases';
const EVENT = 'control-plane-upsert';

export interface RolloutTriggerArgs {
  config: StackConfig;
  trigger: NonNullable<StackConfig['automation']['trigger']>;
  /** For every object. */
  object: pulumi.CustomResourceOptions;
}

/**
 * Starts a rollout in the cluster when what its control planes are to run has changed (R000-8), or by hand:
 * `argo submit --from workflowtemplate/prox-ops-rollout`. The namespace, Argo's controllers and an EventBus are there.
 */
export class RolloutTrigger extends pulumi.ComponentResource {
  constructor(
    name: string,
    private readonly args: RolloutTriggerArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super('prox-ops:automation:RolloutTrigger', name, {}, opts);
    this.createCredentials(name);
    this.createIdentity(name, ROLLOUT_ACCOUNT, EXECUTOR_RULES);
    this.createIdentity(name, WATCHER, WATCHER_RULES);
    this.createIdentity(name, SUBMITTER, SUBMITTER_RULES);
    const workflow = this.createWorkflow(name);
    const source = this.createEventSource(name);
    this.createSensor(name, [workflow, source]);
    this.registerOutputs({});
  }

  private metadata(name: string) {
    return { ...ownedBy(), name, namespace: this.args.trigger.namespace };
  }

  private options(dependsOn: pulumi.Resource[] = []): pulumi.CustomResourceOptions {
    return { ...this.args.object, parent: this, dependsOn };
  }

  private custom(
    name: string,
    apiVersion: string,
    kind: string,
    called: string,
    spec: object,
    after?: pulumi.Resource[],
  ) {
    const args = { apiVersion, kind, metadata: this.metadata(called), spec };
    return new k8s.apiextensions.CustomResource(name, args, this.options(after));
  }

  /** What the driver finds in its environment: every property of the key, under its own name. */
  private createCredentials(name: string): void {
    const { secretStore, secretKey: key } = this.args.trigger;
    this.custom(`${name}-credentials`, 'external-secrets.io/v1', 'ExternalSecret', DRIVER_SECRET, {
      refreshInterval: '1h',
      secretStoreRef: secretStore,
      target: { name: DRIVER_SECRET },
      dataFrom: [{ extract: { key } }],
    });
  }

  private createIdentity(name: string, account: string, rules: Rule[]): void {
    const metadata = this.metadata(account);
    const created = new k8s.core.v1.ServiceAccount(
      `${name}-${account}`,
      { metadata, automountServiceAccountToken: false },
      this.options(),
    );
    const role = new k8s.rbac.v1.Role(`${name}-${account}-role`, { metadata, rules }, this.options());
    new k8s.rbac.v1.RoleBinding(
      `${name}-${account}-binding`,
      {
        metadata,
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: account },
        subjects: [{ kind: 'ServiceAccount', name: account, namespace: this.args.trigger.namespace }],
      },
      this.options([created, role]),
    );
  }

  private createWorkflow(name: string): pulumi.Resource {
    const { config, trigger } = this.args;
    const spec = rolloutWorkflow(config, trigger, ROLLOUT_ACCOUNT);
    return this.custom(`${name}-workflow`, ARGO, 'WorkflowTemplate', WORKFLOW, spec);
  }

  private createEventSource(name: string): pulumi.Resource {
    const labels = [{ key: TEMPLATE_LABEL, operation: '==', value: 'controlplane' }];
    return this.custom(`${name}-releases`, ARGO, 'EventSource', EVENT_SOURCE, {
      template: podTemplate(WATCHER),
      resource: {
        [EVENT]: {
          namespace: this.args.trigger.namespace,
          group: '',
          version: 'v1',
          resource: 'configmaps',
          eventTypes: ['ADD', 'UPDATE'],
          // Not for what was there already each time that the event source starts.
          filter: { afterStart: true, labels },
        },
      },
    });
  }

  /** The workers' template has no dependency here: its change alone starts nothing. */
  private createSensor(name: string, after: pulumi.Resource[]): void {
    const workflow = {
      apiVersion: ARGO,
      kind: 'Workflow',
      metadata: { generateName: `${WORKFLOW}-` },
      spec: { workflowTemplateRef: { name: WORKFLOW } },
    };
    const spec = {
      template: podTemplate(SUBMITTER),
      dependencies: [{ name: EVENT, eventSourceName: EVENT_SOURCE, eventName: EVENT }],
      triggers: [{ template: { name: 'rollout', k8s: { operation: 'create', source: { resource: workflow } } } }],
    };
    this.custom(`${name}-sensor`, ARGO, 'Sensor', WORKFLOW, spec, after);
  }
}

interface Rule {
  apiGroups: string[];
  resources: string[];
  resourceNames?: string[];
  verbs: string[];
}

const ARGO = 'argoproj.io/v1alpha1';

const EXECUTOR_RULES: Rule[] = [
  { apiGroups: ['argoproj.io'], resources: ['workflowtaskresults'], verbs: ['create', 'patch'] },
];
const WATCHER_RULES: Rule[] = [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list', 'watch'] }];
const SUBMITTER_RULES: Rule[] = [
  { apiGroups: ['argoproj.io'], resources: ['workflows'], verbs: ['create'] },
  { apiGroups: ['argoproj.io'], resources: ['workflowtemplates'], resourceNames: [WORKFLOW], verbs: ['get'] },
];

/** Pods that Argo Events makes. */
function podTemplate(serviceAccountName: string) {
  return {
    serviceAccountName,
    securityContext: POD_SECURITY,
    container: {
      securityContext: CONTAINER_SECURITY,
      resources: resources('20m', '64Mi', { cpu: '200m', memory: '256Mi' }),
    },
  };
}
