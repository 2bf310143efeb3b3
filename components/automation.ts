import * as pulumi from '@pulumi/pulumi';
import { pinnedImage } from '../config/pins';
import type { ClusterPlan } from '../config/plan';
import type { StackConfig } from '../config/schema';
import { FluxFacts } from './fluxFacts';
import { ROLLOUT_ACCOUNT, RolloutTrigger } from './rolloutTrigger';
import { RUNNER_ACCOUNT, RUNNER_NAMESPACE, Runners } from './runners';

export interface AutomationArgs {
  config: StackConfig;
  plan: ClusterPlan;
  /** For every object. */
  object: pulumi.CustomResourceOptions;
}

/** Rollouts that start in the cluster, and what Flux is told of it. */
export class Automation extends pulumi.ComponentResource {
  constructor(name: string, { config, plan, object }: AutomationArgs, opts?: pulumi.ComponentResourceOptions) {
    super('prox-ops:automation:Automation', name, {}, opts);
    const { runners, trigger, flux } = config.automation;
    const below = { parent: this };
    if (runners)
      new Runners(
        `${name}-runners`,
        { config: runners, controllerImage: pinnedImage('arc-controller'), object },
        below,
      );
    if (trigger) new RolloutTrigger(`${name}-trigger`, { config, trigger, object }, below);
    if (flux?.facts === true) new FluxFacts(`${name}-flux`, { config, plan, namespace: flux.namespace, object }, below);
    this.registerOutputs({});
  }
}

/** Service accounts of the pods from which a rollout is driven. */
export function driverAccounts({ runners, trigger }: StackConfig['automation']): { name: string; namespace: string }[] {
  return [
    ...(runners ? [{ name: RUNNER_ACCOUNT, namespace: RUNNER_NAMESPACE }] : []),
    ...(trigger ? [{ name: ROLLOUT_ACCOUNT, namespace: trigger.namespace }] : []),
  ];
}
