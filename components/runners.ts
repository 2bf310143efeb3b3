import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import type { StackConfig } from '../config/schema';
import { ownedBy } from './ownedObjects';
import { RunnerController } from './runnerController';
import { runnerPolicies } from './runnerNetwork';
import { runnerSet } from './runnerSet';

/** Namespace of the runners (R004-FR3). */
export const RUNNER_NAMESPACE = 'github-actions';
/** Service account of the runners: bound to the driver's roles, and to nothing else. */
export const RUNNER_ACCOUNT = 'prox-ops-runner';
/** Secret with the GitHub App's credentials, under the names that ARC wants. */
const APP_SECRET = 'prox-ops-github-app';

export interface RunnersArgs {
  config: NonNullable<StackConfig['automation']['runners']>;
  /** Image of ARC's controller. */
  controllerImage: string;
  /** For every object. */
  object: pulumi.CustomResourceOptions;
}

/** Self-hosted runners of GitHub Actions in the cluster: ephemeral, without privileges, from which a rollout can run. */
export class Runners extends pulumi.ComponentResource {
  constructor(
    name: string,
    private readonly args: RunnersArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super('prox-ops:automation:Runners', name, {}, opts);
    const home = this.createHome(name);
    const credentials = this.createCredentials(name, home);
    const account = this.createAccount(name, home);
    this.createNetworkPolicies(name, home);
    const controller = this.createController(name, home);
    this.createSet(name, [credentials, account, controller]);
    this.createBudget(name, home);
    this.registerOutputs({});
  }

  private metadata(name: string) {
    return { ...ownedBy(), name, namespace: RUNNER_NAMESPACE };
  }

  private options(dependsOn: pulumi.Resource[] = []): pulumi.CustomResourceOptions {
    return { ...this.args.object, parent: this, dependsOn };
  }

  private createHome(name: string): pulumi.Resource {
    const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
    const metadata = { ...ownedBy(labels), name: RUNNER_NAMESPACE };
    // Its labels are Flux' from then on.
    const options = { ...this.options(), ignoreChanges: ['metadata.labels'] };
    return new k8s.core.v1.Namespace(`${name}-namespace`, { metadata }, options);
  }

  /** No key is in the stack: External Secrets fetches it. */
  private createCredentials(name: string, home: pulumi.Resource): pulumi.Resource {
    const { secretStore, secretKey: key } = this.args.config;
    const target = { name: APP_SECRET };
    return new k8s.apiextensions.CustomResource(
      `${name}-credentials`,
      {
        apiVersion: 'external-secrets.io/v1',
        kind: 'ExternalSecret',
        metadata: this.metadata(APP_SECRET),
        spec: { refreshInterval: '1h', secretStoreRef: secretStore, target, dataFrom: [{ extract: { key } }] },
      },
      this.options([home]),
    );
  }

  private createAccount(name: string, home: pulumi.Resource): pulumi.Resource {
    const args = { metadata: this.metadata(RUNNER_ACCOUNT), automountServiceAccountToken: false };
    return new k8s.core.v1.ServiceAccount(`${name}-account`, args, this.options([home]));
  }

  private createNetworkPolicies(name: string, home: pulumi.Resource): void {
    for (const { name: policy, spec } of runnerPolicies())
      new k8s.networking.v1.NetworkPolicy(
        `${name}-${policy}`,
        { metadata: this.metadata(policy), spec },
        this.options([home]),
      );
  }

  private createController(name: string, home: pulumi.Resource): pulumi.Resource {
    const { controllerImage: image, object } = this.args;
    const args = { namespace: RUNNER_NAMESPACE, image, object };
    return new RunnerController(`${name}-controller`, args, { parent: this, dependsOn: [home] });
  }

  private createSet(name: string, dependsOn: pulumi.Resource[]): void {
    const { config, controllerImage } = this.args;
    const { scaleSet } = config;
    const { labels, spec } = runnerSet(config, {
      namespace: RUNNER_NAMESPACE,
      account: RUNNER_ACCOUNT,
      secret: APP_SECRET,
      controllerImage,
    });
    const metadata = { ...this.metadata(scaleSet), labels: { ...ownedBy().labels, ...labels } };
    new k8s.apiextensions.CustomResource(
      `${name}-set`,
      { apiVersion: 'actions.github.com/v1alpha1', kind: 'AutoscalingRunnerSet', metadata, spec },
      this.options(dependsOn),
    );
  }

  /**
   * Leaves one runner. A rollout that is driven from a runner is that one, and hands over before its own node's turn: so
   * its drains are never refused for the sake of a runner. As a number: for pods of an owner that Kubernetes cannot
   * scale, a budget of any other form allows nothing at all, for ever.
   */
  private createBudget(name: string, home: pulumi.Resource): void {
    const matchLabels = {
      'actions.github.com/scale-set-name': this.args.config.scaleSet,
      'app.kubernetes.io/component': 'runner',
    };
    const spec = { minAvailable: 1, unhealthyPodEvictionPolicy: 'AlwaysAllow', selector: { matchLabels } };
    const args = { metadata: this.metadata('prox-ops-runners'), spec };
    new k8s.policy.v1.PodDisruptionBudget(`${name}-budget`, args, this.options([home]));
  }
}
