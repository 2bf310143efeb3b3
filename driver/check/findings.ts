import type { EngineEvent } from '@pulumi/pulumi/automation';
import { splitUrn, type ChangeSet } from '../changes';
import { clean } from '../engine';

export type Level = 'mandatory' | 'advisory';

/** One thing that a policy says about an update. */
export interface Finding {
  policy: string;
  /** The hazard. */
  description: string;
  level: Level;
  /** What was expected, what was found, and what to change. */
  message: string;
  /** undefined: the stack as a whole. */
  urn: string | undefined;
  node: string | undefined;
}

/** Gathers what policies say while the engine previews. */
export class FindingCollector {
  private readonly violations: Omit<Finding, 'node'>[] = [];
  private readonly notes: Omit<Finding, 'node'>[] = [];

  add(event: EngineEvent): void {
    const found = event.policyEvent;
    if (!found) return;
    const text = clean(found.message);
    const [description = '', ...message] = text.split('\n');
    const level: Level = found.enforcementLevel === 'mandatory' ? 'mandatory' : 'advisory';
    const common = { policy: found.policyName, urn: found.resourceUrn };
    // The SDK says so when a policy read what a preview does not know.
    if (/can't run policy .* during preview/.test(text))
      this.notes.push({ ...common, description: '', level: 'advisory', message: text.split('\n').at(-1) ?? text });
    else this.violations.push({ ...common, description, level, message: message.join('\n').trim() });
  }

  get blocks(): boolean {
    return this.violations.some(({ level }) => level === 'mandatory');
  }

  /** Violations, each with the node it is about. */
  findings(changes: ChangeSet): Finding[] {
    return withNodes(this.violations, changes);
  }

  /** What could not be judged before the update. */
  unjudged(changes: ChangeSet): Finding[] {
    return withNodes(this.notes, changes);
  }
}

function withNodes(findings: Omit<Finding, 'node'>[], changes: ChangeSet): Finding[] {
  const all = changes.all();
  const names = new Set(changes.byNode().keys());
  return findings.map((finding) => {
    const { urn, type } = ofResource(finding.urn);
    const change = all.find((candidate) => candidate.urn === urn);
    // A policy on the whole stack names the node at the beginning of its message.
    const named = /^([^:\s,]+)[:,]/.exec(finding.message)?.[1];
    const node = change?.node ?? (named !== undefined && names.has(named) ? named : undefined);
    return { ...finding, urn: type === 'pulumi:pulumi:Stack' ? undefined : urn, node };
  });
}

function ofResource(urn: string | undefined): { urn: string | undefined; type: string } {
  return urn === undefined || urn === '' ? { urn: undefined, type: '' } : { urn, type: splitUrn(urn).type };
}
