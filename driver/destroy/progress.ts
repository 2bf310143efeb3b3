import type { EngineEvent } from '@pulumi/pulumi/automation';
import { splitUrn } from '../changes';
import { phaseOf, type Phase } from '../phases';
import type { RunLog, RunNode } from '../runLog';

const NODE_RESOURCE = /^(.+)-(?:identity|vm|config|gate|etcd|evacuation|drain|turn)$/;

/**
 * Turns the engine's events of an update of many nodes at once into phases and ends of each. `last` is the phase after
 * which a node is done.
 */
export class ManyNodes {
  private readonly begun = new Map<string, number>();
  private readonly phases = new Map<string, number>();
  private readonly ended = new Set<string>();

  constructor(
    private readonly log: RunLog,
    private readonly nodes: RunNode[],
    private readonly last: Phase,
  ) {}

  add(event: EngineEvent): void {
    const metadata = (event.resourcePreEvent ?? event.resOutputsEvent ?? event.resOpFailedEvent)?.metadata;
    if (!metadata) return;
    const { name, type } = splitUrn(metadata.urn);
    const node = this.nodes.find((candidate) => candidate.name === NODE_RESOURCE.exec(name)?.[1]);
    const change = node && phaseOf(event);
    if (change) this.addPhase(node, change.phase, change.state);
    else if (event.resOutputsEvent && !['same', 'read'].includes(metadata.op) && !node)
      this.log.emit({ type: 'progress', message: `${metadata.op} ${type.split(':').at(-1) ?? ''} ${name}` });
  }

  private addPhase(node: RunNode, phase: Phase, state: 'started' | 'finished' | 'failed'): void {
    const key = `${node.name} ${phase}`;
    if (state === 'started') {
      this.begin(node);
      this.phases.set(key, Date.now());
      this.log.emit({ type: 'phase.started', node: node.name, phase });
    } else if (state === 'finished') {
      const ms = Date.now() - (this.phases.get(key) ?? Date.now());
      this.log.emit({ type: 'phase.finished', node: node.name, phase, ms });
      if (phase === this.last) this.end(node, 'finished');
    } else {
      this.end(node, 'open');
    }
  }

  private begin({ name, from, to }: RunNode): void {
    if (this.begun.has(name)) return;
    this.begun.set(name, Date.now());
    const index = this.begun.size - 1;
    this.log.emit({ type: 'node.started', node: name, index, of: this.nodes.length, from, to });
  }

  private end({ name }: RunNode, outcome: 'finished' | 'open'): void {
    if (this.ended.has(name)) return;
    this.ended.add(name);
    const ms = Date.now() - (this.begun.get(name) ?? Date.now());
    this.log.emit({ type: 'node.finished', node: name, outcome, ms });
  }
}
