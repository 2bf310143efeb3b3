import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import type { ClusterPlan } from '../config/plan';
import type { StackConfig } from '../config/schema';
import { Automation, driverAccounts } from './automation';
import { DriverAccess } from './driverAccess';
import { ownedBy } from './ownedObjects';
import { runtimeClassScheduling } from './runtimeClass';

export interface AddOnsArgs {
  config: StackConfig;
  plan: ClusterPlan;
  /** Secret. */
  kubeconfig: pulumi.Output<string>;
  /** Goes only with the whole cluster; then nothing needs to be deleted in it. */
  cluster: pulumi.Resource;
}

/** Seconds after which a request to an API server that is silent is given up. */
const API_TIMEOUT = 30;

/** Objects in Kubernetes that the cluster needs before Flux takes over. */
export class AddOns extends pulumi.ComponentResource {
  private readonly object: pulumi.CustomResourceOptions;

  constructor(
    name: string,
    private readonly args: AddOnsArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super('prox-ops:addons:AddOns', name, {}, opts);
    const { config, plan, cluster } = args;
    const { driverAccess, nvidiaRuntimeClass, linstorHostDevices, automation } = plan.addons;
    this.object = { provider: this.createProvider(name), deletedWith: cluster };
    if (driverAccess) this.createDriverAccess(name);
    if (nvidiaRuntimeClass) this.createRuntimeClass(name);
    if (linstorHostDevices.length > 0) this.createHostDevices(name, linstorHostDevices);
    if (automation) new Automation(`${name}-automation`, { config, plan, object: this.object }, { parent: this });
    this.registerOutputs({});
  }

  private createProvider(name: string): k8s.Provider {
    const { config, kubeconfig } = this.args;
    return new k8s.Provider(
      `${name}-kubernetes`,
      {
        kubeconfig,
        // A kubeconfig that is issued anew is no other cluster: nothing in it is to be made again.
        clusterIdentifier: config.cluster.name,
        enableServerSideApply: true,
        // An object that is there already, Flux' or an adopted cluster's, is applied to and not refused.
        upsertExistingObjects: true,
        // Else a new content is a new object: of the same name, it would be the one that is deleted afterwards.
        enableConfigMapMutable: true,
        // While the API is away the nodes can still be mended: the add-ons wait for the next update.
        skipUpdateUnreachable: true,
        kubeClientSettings: { timeout: API_TIMEOUT },
      },
      { parent: this },
    );
  }

  private createDriverAccess(name: string): void {
    const { config } = this.args;
    const args = { config, accounts: driverAccounts(config.automation) };
    new DriverAccess(`${name}-driver`, args, this.object, { parent: this });
  }

  /** Runs a pod's containers with the GPU's libraries, as Talos' toolkit extension registers it with containerd. */
  private createRuntimeClass(name: string): void {
    const args = {
      metadata: { ...ownedBy(), name: 'nvidia' },
      handler: 'nvidia',
      ...runtimeClassScheduling(this.args.config),
    };
    // Where its pods go is Flux' to change, once it has taken the class over.
    const options = { ...this.object, parent: this, ignoreChanges: ['scheduling', 'overhead'] };
    new k8s.node.v1.RuntimeClass(`${name}-runtime-class`, args, options);
  }

  /**
   * R000-9. Piraeus makes a satellite's pool out of these devices; a rebuilt node comes with blank ones, and without this
   * its pool would have no volume group. Needs Piraeus' definitions, so it is set once Flux has installed them.
   */
  private createHostDevices(name: string, hostDevices: string[]): void {
    const { config, plan } = this.args;
    const { linstor } = config;
    if (!linstor) return;
    const values = plan.nodes.filter((node) => node.satellite).map((node) => node.name);
    const hosts = { key: 'kubernetes.io/hostname', operator: 'In', values };
    new k8s.apiextensions.CustomResource(
      `${name}-host-devices`,
      {
        apiVersion: 'piraeus.io/v1',
        kind: 'LinstorSatelliteConfiguration',
        metadata: { ...ownedBy(), name: 'prox-ops-host-devices' },
        spec: {
          nodeAffinity: { nodeSelectorTerms: [{ matchExpressions: [hosts] }] },
          storagePools: [{ name: linstor.storagePool, lvmPool: {}, source: { hostDevices } }],
        },
      },
      { ...this.object, parent: this },
    );
  }
}
