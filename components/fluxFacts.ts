import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import { clusterFacts } from '../config/clusterFacts';
import type { ClusterPlan } from '../config/plan';
import type { StackConfig } from '../config/schema';
import { ownedBy } from './ownedObjects';

/** Name of the ConfigMap, as a Kustomization names it in `postBuild.substituteFrom`. */
export const FACTS = 'prox-ops-cluster';

export interface FluxFactsArgs {
  config: StackConfig;
  plan: ClusterPlan;
  namespace: string;
  object: pulumi.CustomResourceOptions;
}

/**
 * Facts of the cluster for Flux' substitutions. A rollout's targeted updates leave them alone: a new release is told
 * once every node runs it.
 */
export class FluxFacts extends pulumi.ComponentResource {
  constructor(
    name: string,
    { config, plan, namespace, object }: FluxFactsArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super('prox-ops:automation:FluxFacts', name, {}, opts);
    const metadata = { ...ownedBy(), name: FACTS, namespace };
    new k8s.core.v1.ConfigMap(
      `${name}-facts`,
      { metadata, data: clusterFacts(config, plan) },
      { ...object, parent: this },
    );
    this.registerOutputs({});
  }
}
