import { readFile } from 'node:fs/promises';
import type { Stack } from '@pulumi/pulumi/automation';
import { ChangeSet } from '../changes';
import { preview, UpdateError } from '../engine';
import { CommandError } from '../exit';
import { readState } from '../state';
import { CHANGE_POLICIES, type ChangePolicyConfig, type Upcoming } from './changePolicies';
import { FindingCollector, type Finding, type Level } from './findings';
import { packConfigs } from './packs';

/** What policies say about the update that a stack file asks for. */
export interface PolicyReport {
  stack: string;
  /** Resources that were judged. */
  resources: number;
  findings: Finding[];
  /** What a preview does not know yet; the engine judges it in the update. */
  unjudged: Finding[];
}

export interface CheckOptions {
  stack: Stack;
  packs: string[];
  oneByOne: boolean;
}

/** Previews the stack with all policies, and judges the preview's steps. Changes nothing. */
export async function checkStack({ stack, packs, oneByOne }: CheckOptions): Promise<PolicyReport> {
  const changes = new ChangeSet();
  const collector = new FindingCollector();
  try {
    await preview(stack, {
      policyPacks: packs,
      // The refusal of two replacements is ours to tell, as a finding.
      environment: { PROX_OPS_PLAN: '1' },
      onEvent: (event) => {
        changes.add(event);
        collector.add(event);
      },
    });
  } catch (error) {
    // The engine fails a preview for a violation; anything else is a failure of its own.
    if (!(error instanceof UpdateError) || !collector.blocks) throw error;
  }
  const open = (await readState(stack)).openNodes();
  const configs = await changeConfigs(packConfigs(packs, stack.workspace.workDir, stack.name));
  return {
    stack: stack.name,
    resources: changes.all().length,
    findings: [...collector.findings(changes), ...changeFindings({ changes: changes.all(), open, oneByOne }, configs)],
    unjudged: collector.unjudged(changes),
  };
}

/** What the change policies find, at the levels of the policy configuration. */
export function changeFindings(upcoming: Upcoming, configs: Record<string, ChangePolicyConfig | string>): Finding[] {
  return CHANGE_POLICIES.flatMap(({ name, description, check }) => {
    const config = settingsOf(configs[name]);
    const level = config.enforcementLevel ?? settingsOf(configs.all).enforcementLevel ?? 'mandatory';
    if (level === 'disabled') return [];
    return check(upcoming, config).map(({ message, change }) => ({
      policy: name,
      description,
      level: (level === 'advisory' ? 'advisory' : 'mandatory') satisfies Level,
      message,
      urn: change?.urn,
      node: change?.node,
    }));
  });
}

/** A policy's configuration may be a level alone. */
function settingsOf(config: ChangePolicyConfig | string | undefined): ChangePolicyConfig {
  return typeof config === 'string' ? { enforcementLevel: config } : (config ?? {});
}

async function changeConfigs(files: string[]): Promise<Record<string, ChangePolicyConfig | string>> {
  const merged: Record<string, ChangePolicyConfig | string> = {};
  for (const file of files.filter((name) => name !== '')) {
    try {
      Object.assign(merged, JSON.parse(await readFile(file, 'utf8')));
    } catch (error) {
      throw new CommandError(
        `${file}: expected JSON, found: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }
  return merged;
}

export function isBlocked({ findings }: PolicyReport): boolean {
  return findings.some(({ level }) => level === 'mandatory');
}
