import { type ActiveFault, FAULTS, FaultError, type FaultName, type Faults } from '../world/faults.js';
import { EXIT, LabError } from './errors.js';
import { didYouMean } from './suggest.js';

/** Sets and clears faults for people, who mistype names. */
export class FaultDesk {
  constructor(
    private readonly faults: Faults,
    private readonly names: {
      /** Nodes that exist or are expected. */
      nodes: () => string[];
      hosts: () => string[];
    },
  ) {}

  list(): ActiveFault[] {
    return this.faults.list();
  }

  /** @param count strikes; until it is cleared when undefined. @throws LabError naming what is wrong, with what is near. */
  set(name: string, subject = '', count = Infinity): void {
    const fault = knownFault(name);
    const { scope } = FAULTS[fault];
    if (scope !== 'none' && subject !== '') this.checkSubject(subject, scope);
    try {
      this.faults.set(fault, subject, count);
    } catch (error) {
      throw error instanceof FaultError ? new LabError(error.message, EXIT.usage) : error;
    }
  }

  /** @returns what was lifted. @throws LabError when something is named that is not in force. */
  clear(name?: string, subject?: string): ActiveFault[] {
    const fault = name === undefined ? undefined : knownFault(name);
    const lifted = this.faults
      .list()
      .filter(
        (one) => (fault === undefined || one.name === fault) && (subject === undefined || one.subject === subject),
      );
    if (fault !== undefined && lifted.length === 0) {
      const active = this.faults.list().map((one) => `${one.name} ${one.subject}`.trim());
      const found = active.length === 0 ? 'none' : active.join(', ');
      throw new LabError(
        `fault '${`${fault} ${subject ?? ''}`.trim()}' is not in force; in force: ${found}`,
        EXIT.usage,
      );
    }
    this.faults.clear(fault, subject);
    return lifted;
  }

  private checkSubject(subject: string, scope: 'node' | 'host'): void {
    const known = scope === 'node' ? this.names.nodes() : this.names.hosts();
    if (known.includes(subject)) return;
    const near = didYouMean(subject, known);
    const list = near === '' ? `; known: ${known.join(', ') || 'none yet'}` : near;
    throw new LabError(`unknown ${scope} '${subject}'${list}`, EXIT.usage);
  }
}

function knownFault(name: string): FaultName {
  if (name in FAULTS) return name as FaultName;
  const near = didYouMean(name, Object.keys(FAULTS));
  throw new LabError(
    `unknown fault '${name}'${near || '; all are listed by: npx prox-ops lab fault list'}`,
    EXIT.usage,
  );
}
