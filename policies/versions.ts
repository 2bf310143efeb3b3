import type { ResourceValidationArgs } from '@pulumi/policy';
import { isSupportedKubernetes } from '../config/versions';
import { resourcePolicy } from './support/define';
import { parseMachineConfig } from './support/machineConfig';
import { imageOf, nodeNameOf, type VmProps } from './support/nodes';
import { GATE, MACHINE_CONFIG, VM } from './support/types';

type Props = ResourceValidationArgs['props'];

/** The parts of each node that were described so far, by the node's URN: VM first, then its configuration, then its gate. */
const described = new Map<string, { vm?: Props; config?: Props }>();

/**
 * Judged resource by resource and not at the end, so that a node is stopped before it is made from parts that do not
 * belong together, also where the schematic's id was not known in the preview.
 */
export const nodeVersionsAgree = resourcePolicy(
  {
    name: 'node-versions-agree',
    description: 'Installer, template and schematic that disagree make a node that comes back as something else.',
  },
  [VM, MACHINE_CONFIG, GATE],
  ({ resource, unknowns, report }) => {
    const node = resource.opts.parent ?? resource.urn;
    const parts = described.get(node) ?? {};
    const name = nodeNameOf(resource);
    const say = (what: string, expected: string, found: string) => {
      if (expected !== found)
        report(`${name}: ${what}: expected ${expected}, found ${found}. Describe nodes with components/talosNode.ts.`);
    };
    if (resource.type === VM) described.set(node, { vm: resource.props });
    else if (resource.type === MACHINE_CONFIG) {
      described.set(node, { ...parts, config: resource.props });
      unknowns.attempt(() => {
        compareInstaller(resource.props, parts.vm, say);
      });
    } else {
      unknowns.attempt(() => {
        compareRelease(resource.props, parts.vm, say);
      });
      unknowns.attempt(() => {
        compareKubelet(resource.props, parts.config, say);
      });
    }
  },
);

type Say = (what: string, expected: string, found: string) => void;

/** `factory/nocloud-installer/SCHEMATIC:VERSION` against what the VM is made from. */
function compareInstaller(config: Props, vm: Props | undefined, say: Say): void {
  const image = imageOf((vm as VmProps | undefined)?.description);
  if (!image) return;
  const installer = parseMachineConfig(config.machineConfigurationInput as string).machine?.install?.image ?? 'none';
  const [, schematic = 'none', talos = 'none'] = /([^/:]+):([^/:]+)$/.exec(installer) ?? [];
  say('installer’s release', image.talos, talos);
  say('installer’s schematic', image.schematic, schematic);
}

function compareRelease(gate: Props, vm: Props | undefined, say: Say): void {
  const image = imageOf((vm as VmProps | undefined)?.description);
  if (!image) return;
  const release = gate.release as { talos: string; schematic: string };
  say('release the node is checked for', image.talos, release.talos);
  say('schematic the node is checked for', image.schematic, release.schematic);
}

/** The kubelet's image is the one version of Kubernetes that a machine configuration always names. */
function compareKubelet(gate: Props, config: Props | undefined, say: Say): void {
  const text = config?.machineConfigurationInput as string | undefined;
  const kubelet = text === undefined ? undefined : parseMachineConfig(text).machine?.kubelet?.image;
  if (kubelet === undefined) return;
  say(
    'kubelet’s version',
    (gate.release as { kubernetes: string }).kubernetes,
    /:([^/:]+)$/.exec(kubelet)?.[1] ?? 'none',
  );
}

export const kubernetesSupported = resourcePolicy(
  {
    name: 'kubernetes-supported',
    description: 'A Kubernetes version outside the range of its Talos release does not start, or starts half.',
  },
  [GATE],
  ({ resource, report }) => {
    const { talos, kubernetes } = resource.props.release as { talos: string; kubernetes: string };
    const verdict = isSupportedKubernetes(talos, kubernetes);
    if (verdict.ok) return;
    const { expected, found } = verdict;
    report(
      `${nodeNameOf(resource)}: expected ${expected}, found ${found}. Change prox-ops:releases in the stack file.`,
    );
  },
);
