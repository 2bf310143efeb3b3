import { readFile } from 'node:fs/promises';
import type { Stack } from '@pulumi/pulumi/automation';
import { ChangeSet } from '../changes';
import { preview, UpdateError } from '../engine';
import { CommandError } from '../exit';
import { readState } from '../state';
import { CHANGE_POLICIES, type ChangePolicyConfig, type Upcoming } from './changePolicies';
import { FindingCollector, type Finding } from './findings';
import { packConfigs } from './packs';
import { plannedChanges, type PlannedChange } from './plannedChanges';

/** What policies say about the update that a stack file asks for. */
export interface PolicyReport {
  stack: string;
  /** Resources that were judged. */
  resources: number;
  /** What would be done to each of them that does not stay as it is. */
  changes: PlannedChange[];
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
  const upcoming = { changes: changes.all(), open, oneByOne };
  const configs = await changeConfigs(packConfigs(packs, stack.workspace.workDir, stack.name));
  const judged = judgeChanges(upcoming, configs);
  return {
    stack: stack.name,
    resources: changes.all().length,
    changes: plannedChanges(changes.touched()),
    findings: [...collector.findings(changes), ...judged.findings],
    unjudged: [...collector.unjudged(changes), ...judged.unjudged],
  };
}

/** What the change policies find, at the levels of the policy configuration, and what they cannot judge yet. */
export function judgeChanges(
  upcoming: Upcoming,
  configs: Record<string, ChangePolicyConfig | string>,
): Pick<PolicyReport, 'findings' | 'unjudged'> {
  const found: Pick<PolicyReport, 'findings' | 'unjudged'> = { findings: [], unjudged: [] };
  for (const { name, description, check } of CHANGE_POLICIES) {
    const config = settingsOf(configs[name]);
    const level = config.enforcementLevel ?? settingsOf(configs.all).enforcementLevel ?? 'mandatory';
    if (level === 'disabled') continue;
    for (const { message, change, unknown } of check(upcoming, config))
      (unknown === true ? found.unjudged : found.findings).push({
        policy: name,
        description,
        level: unknown !== true && level !== 'advisory' ? 'mandatory' : 'advisory',
        message,
        urn: change?.urn,
        node: change?.node,
      });
  }
  return found;
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
