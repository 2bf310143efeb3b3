import { createHash } from 'node:crypto';
import { local } from '@pulumi/command';
import * as pulumi from '@pulumi/pulumi';
import * as talos from '@pulumiverse/talos';
import { installerImage, type ClusterPlan, type NodePlan } from '../config/plan';
import type { StackConfig } from '../config/schema';
import { machinePatches } from './machinePatches';
import type { NodeTemplates } from './nodeTemplates';
import type { TalosSecrets } from './talosSecrets';

export interface MachineConfigsArgs {
  config: StackConfig;
  plan: ClusterPlan;
  templates: NodeTemplates;
  secrets: TalosSecrets;
  provider: talos.Provider;
}

export interface MachineConfig {
  /** Secret. */
  text: pulumi.Output<string>;
  /** Talos has found it valid. Nothing of the node may be touched before. */
  validated: pulumi.Resource;
}

/**
 * Every node's machine configuration, rendered, and validated by the real talosctl before anything of the node is
 * touched. They belong to no node: a roll prepares them, and so refuses all it would refuse before the first node leaves.
 */
export class MachineConfigs extends pulumi.ComponentResource {
  private readonly configs: Map<string, MachineConfig>;

  constructor(
    name: string,
    private readonly args: MachineConfigsArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super('prox-ops:talos:MachineConfigs', name, {}, opts);
    this.configs = new Map(args.plan.nodes.map((node) => [node.name, this.createConfig(node)]));
    this.registerOutputs({});
  }

  of(node: string): MachineConfig {
    const config = this.configs.get(node);
    if (!config) throw new Error(`no machine configuration of ${node} is planned`);
    return config;
  }

  private createConfig(node: NodePlan): MachineConfig {
    const text = this.render(node);
    return { text, validated: this.validate(node, text) };
  }

  private render(node: NodePlan): pulumi.Output<string> {
    const { config, plan, secrets, templates, provider } = this.args;
    const configPatches = templates
      .schematicId(node.variant)
      .apply((id) => machinePatches(config, node, installerImage(config, id, node.release.talos)));
    const rendered = talos.machine.getConfigurationOutput(
      {
        clusterName: config.cluster.name,
        clusterEndpoint: plan.endpoint,
        machineType: node.role,
        machineSecrets: secrets.machineSecrets,
        talosVersion: node.release.talos,
        kubernetesVersion: node.release.kubernetes.replace(/^v/, ''),
        configPatches,
        docs: false,
        examples: false,
      },
      { parent: this, provider },
    );
    return pulumi.secret(rendered.machineConfiguration);
  }

  /**
   * Run again when the configuration's hash changes: in place, since the old one has nothing to undo, and one that fails
   * leaves it in the state, to be tried again. The nocloud platform is a cloud to Talos.
   */
  private validate(node: NodePlan, text: pulumi.Output<string>): local.Command {
    const hash = pulumi.unsecret(text.apply((yaml) => createHash('sha256').update(yaml).digest('hex')));
    return new local.Command(
      `${node.name}-validated`,
      {
        // Through a pipe: talosctl opens /dev/stdin anew, which a socket for standard input does not allow.
        create: 'cat | "${PROX_OPS_TALOSCTL:-talosctl}" validate --mode cloud --config /dev/stdin',
        stdin: text,
        environment: { CONFIGURATION_SHA256: hash },
        logging: 'none',
      },
      { parent: this },
    );
  }
}
