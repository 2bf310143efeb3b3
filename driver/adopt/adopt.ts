import { KubernetesClient, ProxmoxClient, realClock, secretFile, TalosCli } from '@prox-ops/operations';
import { nodeImage, templateImage } from '../../config/adopted';
import type { StackConfig } from '../../config/schema';
import { ConfigError } from '../../config/problem';
import { validate } from '../../config/validate';
import { CommandError, ExitCode } from '../exit';
import type { Project } from '../project';
import { compose, type Composed } from './compose';
import type { Deployment } from './deployment';
import { Findings } from './findings';
import { readNodes, type LiveNode } from './liveCluster';
import { readLinstor } from './liveLinstor';
import { readProxmox } from './liveProxmox';
import { pairNodes, type Pair } from './pairing';
import { Scratch } from './scratch';
import { readSecrets } from './secretsYaml';
import { stackDocument } from './stackDocument';
import { tryOut, type Entry } from './trial';

export interface AdoptOptions {
  project: Project;
  proxmoxEndpoint: string;
  /** USER@REALM!ID=UUID */
  proxmoxToken: string;
  /** An administrator's, YAML text. */
  talosconfig: string;
  /** A control plane to ask for the kubeconfig. */
  controlPlane: string;
  /** Path of the cluster's secrets.yaml; absent: made from what a control plane runs with. */
  secrets: string | undefined;
  imageFactory: string | undefined;
  linstorUrl: string | undefined;
  report: (line: string) => void;
}

export interface Adoption {
  stackFile: string;
  /** Secrets in plain text: for the stack alone. */
  deployment: Deployment;
  findings: Findings;
  nodes: string[];
  templates: string[];
  /** What the first update will make. */
  creates: string[];
}

interface Live {
  nodes: LiveNode[];
  pairs: Pair[];
  composed: Composed;
  config: StackConfig;
  kubeconfig: string;
  secrets: string;
}

/**
 * Reads a cluster that runs already and works out the stack file and the state with which the first preview shows
 * nothing that touches it. Only reads from the cluster, and writes nothing but a scratch directory, which it removes.
 * @throws CommandError with all that stands in the way.
 */
export async function adopt(options: AdoptOptions): Promise<Adoption> {
  const findings = new Findings();
  const live = await readLive(options, findings);
  const entries = [...nodeEntries(live), ...templateEntries(live)];
  const write = (known: Entry[], kept: string[]): string =>
    stackDocument({ ...live.composed.raw, adopted: adopted(live, known, kept) });
  options.report('trying it out: the engine and the providers read what is there');
  const secrets = await secretFile('secrets.yaml', live.secrets);
  const environment = { ...process.env, PROXMOX_VE_API_TOKEN: options.proxmoxToken };
  const scratch = await Scratch.open(options.project, write(entries, []), environment);
  try {
    const { nodes, kubeconfig } = live;
    const trial = await tryOut({
      scratch,
      findings,
      entries,
      nodes,
      kubeconfig,
      secrets: secrets.path,
      stackFile: write,
    });
    refuse(findings);
    const names = nodes.map(({ name }) => name);
    return { ...trial, findings, nodes: names, templates: [...live.composed.templates.keys()] };
  } finally {
    scratch.remove();
    secrets.remove();
  }
}

async function readLive(options: AdoptOptions, findings: Findings): Promise<Live> {
  const { proxmoxEndpoint: endpoint, proxmoxToken, imageFactory, linstorUrl } = options;
  const talos = new TalosCli(options.talosconfig);
  const kubeconfig = await talos.kubeconfig(options.controlPlane);
  const kubernetes = new KubernetesClient(kubeconfig, realClock);
  options.report('reading Kubernetes and Talos');
  const nodes = await readNodes(kubernetes, talos);
  options.report(`reading Proxmox at ${endpoint}`);
  const proxmox = await readProxmox(new ProxmoxClient(endpoint, proxmoxToken));
  const linstor = await readLinstor(kubernetes, linstorUrl, findings);
  const pairs = pairNodes(nodes, proxmox, findings);
  for (const { name, ready } of nodes)
    if (!ready) findings.problem(`node ${name}: expected it to be Ready, found that it is not; mend it first`);
  const secrets = await readSecrets(options.secrets, nodes, talos, findings);
  const composed = compose(pairs, proxmox, { endpoint, imageFactory, linstor }, findings);
  return { nodes, pairs, composed, config: checked(composed, findings), kubeconfig, secrets };
}

/** @throws CommandError with every problem, those of the stack file included. */
function checked({ raw }: Composed, findings: Findings): StackConfig {
  try {
    const config = validate(raw);
    refuse(findings);
    return config;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const { path, message } of error.problems) findings.problem(`${path}: ${message}`);
    throw refusal(findings);
  }
}

function refuse(findings: Findings): void {
  if (findings.problems.length > 0) throw refusal(findings);
}

function refusal({ problems }: Findings): CommandError {
  const lines = problems.map((problem) => `  ${problem}`).join('\n');
  return new CommandError(
    `${problems.length} problem(s) stand in the way of the adoption. Nothing was changed.\n${lines}`,
    ExitCode.blocked,
  );
}

/** The description is the image's name to the program, and something else to whoever made the VM. */
function nodeEntries({ pairs }: Live): Entry[] {
  return pairs.map(({ node: { name } }) => ({
    resource: `${name}-vm`,
    path: `adopted.nodes.${name}`,
    subject: name,
    keep: ['description'],
  }));
}

function templateEntries({ composed }: Live): Entry[] {
  return [...composed.templates.keys()].map((key) => ({
    resource: `template-${key}`,
    path: `adopted.templates.${key}`,
    subject: `template-${key}`,
    keep: ['description'],
  }));
}

function adopted({ pairs, composed, config }: Live, entries: Entry[], kept: string[]): object {
  const keepOf = (resource: string): string[] => entries.find((entry) => entry.resource === resource)?.keep ?? [];
  const nodes = pairs.map(({ node: { name }, vm }): [string, object] => {
    const node = config.nodes[name];
    return [
      name,
      {
        image: node ? nodeImage(config, node) : '',
        ...(vm.name !== name && { vmName: vm.name }),
        keep: keepOf(`${name}-vm`),
        ...(kept.includes(name) && { keepConfiguration: true }),
      },
    ];
  });
  const templates = [...composed.templates].map(([key, { vmId }]): [string, object] => {
    const variant = key.endsWith('-gpu') ? 'gpu' : 'standard';
    return [key, { image: templateImage(config, 'a', variant), vmId, keep: keepOf(`template-${key}`) }];
  });
  return { nodes: Object.fromEntries(nodes), templates: Object.fromEntries(templates) };
}
