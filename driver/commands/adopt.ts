import { existsSync, readFileSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { parse, parseDocument } from 'yaml';
import { adopt, type Adoption } from '../adopt/adopt';
import type { Deployment } from '../adopt/deployment';
import { grouped, differencesTable } from '../adopt/report';
import { importState } from '../pulumiCli';
import { UNFINISHED } from '../adopt/stackDocument';
import { CommandError, ExitCode } from '../exit';
import { openStack, projectFor, type Project } from '../project';
import type { CommonOptions } from './options';

export interface AdoptCommandOptions extends CommonOptions {
  proxmox?: string;
  talosconfig?: string;
  secrets?: string;
  imageFactory?: string;
  linstorUrl?: string;
  dryRun?: boolean;
  overwrite?: boolean;
}

/** `prox-ops adopt`: takes a cluster over that runs already. Changes nothing in it. */
export async function adoptCommand(options: AdoptCommandOptions): Promise<ExitCode> {
  const project = projectFor(options.cwd ?? process.cwd(), options.stack);
  const again = refuseOverwriting(project, options);
  const json = options.json === true;
  const adoption = await adopt({ ...accessFrom(options), project, report: (line) => (json ? undefined : say(line)) });
  if (options.dryRun !== true) await write(project, adoption, again);
  process.stdout.write(
    json ? `${JSON.stringify(adoptionJson(adoption), null, 2)}\n` : adoptionText(project, adoption, options),
  );
  return ExitCode.ok;
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** @returns whether the stack's state may be replaced. @throws CommandError when the stack file is somebody's. */
function refuseOverwriting({ stackFile }: Project, { overwrite, dryRun }: AdoptCommandOptions): boolean {
  if (!existsSync(stackFile)) return overwrite === true;
  const text = readFileSync(stackFile, 'utf8');
  const own = text.startsWith(`#${UNFINISHED}`) || !/^config:/m.test(text);
  if (own || overwrite === true || dryRun === true) return own || overwrite === true;
  throw new CommandError(
    `${stackFile}: expected no stack file yet, found one. Use --overwrite to replace it and the stack's state.`,
  );
}

function accessFrom(options: AdoptCommandOptions) {
  const problems: string[] = [];
  const endpoint = options.proxmox ?? process.env.PROXMOX_VE_ENDPOINT ?? '';
  if (endpoint === '')
    problems.push('--proxmox or PROXMOX_VE_ENDPOINT: expected the URL of the Proxmox API, found neither');
  const proxmoxToken = process.env.PROXMOX_VE_API_TOKEN ?? '';
  if (proxmoxToken === '') problems.push('PROXMOX_VE_API_TOKEN: expected an API token in the environment, found none');
  const file = options.talosconfig ?? process.env.TALOSCONFIG ?? join(homedir(), '.talos', 'config');
  const talosconfig = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const controlPlane = controlPlaneOf(talosconfig);
  if (controlPlane === undefined)
    problems.push(`--talosconfig or TALOSCONFIG: expected a talosconfig with endpoints, found none in ${file}`);
  if (problems.length > 0) throw new CommandError(`${problems.join('\n')}`);
  return {
    proxmoxEndpoint: endpoint.replace(/\/$/, ''),
    proxmoxToken,
    talosconfig,
    controlPlane: controlPlane ?? '',
    secrets: options.secrets,
    imageFactory: options.imageFactory,
    linstorUrl: options.linstorUrl,
  };
}

function controlPlaneOf(talosconfig: string): string | undefined {
  const config = (parse(talosconfig) ?? {}) as {
    context?: string;
    contexts?: Record<string, { endpoints?: string[] }>;
  };
  return config.contexts?.[config.context ?? '']?.endpoints?.[0];
}

/**
 * The stack file first, marked as unfinished: a run that is interrupted from here on is run again. Then the state, then
 * the mark goes.
 */
async function write(project: Project, adoption: Adoption, again: boolean): Promise<void> {
  const { stackName, stackFile } = project;
  const marked = `#${UNFINISHED}\n${adoption.stackFile}`;
  await replaceFile(stackFile, withSecretsProvider(marked, await kept(stackFile)));
  const stack = await openStack(project, true);
  const empty: Deployment = await stack.exportStack();
  if ((empty.deployment.resources ?? []).length > 0 && !again)
    throw new CommandError(`Stack '${stackName}': expected no resources in its state, found some. Use --overwrite.`);
  const { resources } = adoption.deployment.deployment;
  const state = { ...empty, deployment: { ...empty.deployment, resources } };
  delete (state.deployment as { pending_operations?: unknown }).pending_operations;
  await importState(stack, state);
  await replaceFile(stackFile, withSecretsProvider(adoption.stackFile, await kept(stackFile)));
}

/** How the stack encrypts its secrets, which the CLI keeps in the stack file. */
async function kept(stackFile: string): Promise<Record<string, unknown>> {
  if (!existsSync(stackFile)) return {};
  const found = Object.entries((parse(await readFile(stackFile, 'utf8')) ?? {}) as Record<string, unknown>);
  return Object.fromEntries(found.filter(([key]) => key !== 'config'));
}

function withSecretsProvider(text: string, others: Record<string, unknown>): string {
  const document = parseDocument(text);
  for (const [key, value] of Object.entries(others)) document.set(key, value);
  return document.toString({ lineWidth: 0 });
}

/** All of it or nothing. */
async function replaceFile(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
}

function adoptionJson({ findings, nodes, templates, creates }: Adoption): object {
  return { nodes, templates, creates, differences: findings.differences };
}

function adoptionText({ stackFile, stackName }: Project, adoption: Adoption, { dryRun }: AdoptCommandOptions): string {
  const { findings, nodes, templates, creates } = adoption;
  const lines = [
    `${nodes.length} nodes and ${templates.length} templates: the first preview shows no replacement, restart or change.`,
  ];
  const count = grouped(findings.differences).length;
  if (count > 0) lines.push(`${count} difference(s), each left as it is:`, differencesTable(findings.differences));
  if (creates.length > 0) lines.push(`The first update makes: ${creates.join(', ')}.`);
  if (dryRun === true) lines.push(`Nothing was written. ${stackFile} would be:`, '', adoption.stackFile);
  else lines.push(`Written: ${stackFile} and the state of stack ${stackName}. Look at it with: prox-ops plan`);
  return `${lines.join('\n')}\n`;
}
