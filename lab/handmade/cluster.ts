import type { Lab } from '../daemon/lab.js';
import { nodePatch } from './configuration.js';
import { makeMachine, makeTemplate, registerSchematics } from './machines.js';
import type { HandmadeNode, HandmadeSpec } from './spec.js';
import { Talosctl } from './talosctl.js';

/** What somebody who made a cluster by hand has in their home directory. */
export interface Handmade {
  /** Path of the secrets.yaml. */
  secrets: string;
  /** Path of the administrator's talosconfig. */
  talosconfig: string;
}

/**
 * Builds a cluster with the hands of somebody who does not know the program: images copied to the hosts, templates and
 * VMs made at their consoles, secrets and machine configurations by talosctl. Returns once the cluster is in service.
 * @param folder for their files (mode 0600). @throws Error when a step fails.
 */
export async function buildByHand(lab: Lab, talosctl: string, spec: HandmadeSpec, folder: string): Promise<Handmade> {
  const tool = new Talosctl(talosctl, folder);
  const schematics = registerSchematics(lab.parts, spec);
  const variant = ({ gpu }: { gpu?: unknown }): 'standard' | 'gpu' => (gpu === undefined ? 'standard' : 'gpu');
  const image = (schematic: string): string => `import/talos-${spec.talos}-${schematic.slice(0, 8)}.raw`;
  for (const { name } of lab.world.inventory.hosts) {
    for (const schematic of Object.values(schematics)) {
      lab.parts.proxmox.byHand.putImage(name, 'local', image(schematic), { schematic, version: spec.talos });
    }
  }
  for (const template of spec.templates) makeTemplate(lab.parts, template, image(schematics[variant(template)]));
  for (const node of spec.nodes) makeMachine(lab.parts, spec, node, image(schematics[variant(node)]));
  const secrets = await generateSecrets(tool);
  const talosconfig = await generateTalosconfig(tool, spec);
  await Promise.all(spec.nodes.map((node) => configure(lab, tool, spec, node, schematics[variant(node)])));
  const first = spec.nodes.find(({ role }) => role === 'controlplane');
  if (!first) throw new Error('expected a control plane in the cluster to be made by hand, found none');
  await tool.eventually('bootstrap', '-n', first.address, '--talosconfig', talosconfig);
  await lab.armed();
  return { secrets, talosconfig };
}

async function generateSecrets(tool: Talosctl): Promise<string> {
  await tool.run('gen', 'secrets', '-o', tool.file('secrets.yaml'));
  return tool.close('secrets.yaml');
}

async function generateTalosconfig(tool: Talosctl, spec: HandmadeSpec): Promise<string> {
  const talosconfig = tool.file('talosconfig');
  await tool.run(...generate(tool, spec), '--output-types', 'talosconfig', '-o', talosconfig);
  const addresses = spec.nodes.filter(({ role }) => role === 'controlplane').map(({ address }) => address);
  await tool.run('config', 'endpoint', ...addresses, '--talosconfig', talosconfig);
  await tool.run('config', 'node', addresses[0] ?? '', '--talosconfig', talosconfig);
  return tool.close('talosconfig');
}

function generate(tool: Talosctl, { clusterName, vip, talos, kubernetes }: HandmadeSpec): string[] {
  const versions = ['--talos-version', talos, '--kubernetes-version', kubernetes.replace(/^v/, '')];
  const secrets = ['--with-secrets', tool.file('secrets.yaml')];
  return ['gen', 'config', clusterName, `https://${vip}:6443`, ...secrets, ...versions];
}

async function configure(
  lab: Lab,
  tool: Talosctl,
  spec: HandmadeSpec,
  node: HandmadeNode,
  schematic: string,
): Promise<void> {
  const hardware = lab.parts.proxmox.hardware(node.vmid);
  if (!hardware) throw new Error(`expected VM ${node.vmid} of ${node.name}, found none`);
  const installer = `factory.talos.dev/installer/${schematic}:${spec.talos}`;
  const patches = [nodePatch(spec, node, hardware, installer), ...(spec.patch === undefined ? [] : [spec.patch])];
  const files = patches.map((patch, index) => tool.write(`${node.name}.${index}.patch`, patch));
  const name = `${node.name}.yaml`;
  const options = files.flatMap((file) => ['--config-patch', `@${file}`]);
  const output = ['--output-types', node.role, '-o', tool.file(name), '--with-docs=false', '--with-examples=false'];
  await tool.run(...generate(tool, spec), ...options, ...output);
  tool.close(name);
  await tool.eventually('apply-config', '--insecure', '-n', node.address, '-f', tool.file(name));
}
