import type { TalosCli } from '../clients/talos.js';
import type { ClockReading, Extension, Link, LinkAddress } from '../clients/talosOutput.js';
import { messageOf } from '../runtime/errors.js';
import type { ExpectedNode } from './expected.js';

/** What a machine tells of itself. */
export interface MachineFacts {
  version: string;
  extensions: Extension[];
  links: Link[];
  addresses: LinkAddress[];
}

/** The parts of the machine API that a verification reads. */
export type MachineReader = Pick<
  TalosCli,
  'version' | 'extensions' | 'links' | 'linkAddresses' | 'discovered' | 'clock'
>;

export type Answer<T> = { found: T } | { trouble: string };

/** Nodes asked at the same time: each question is a process of its own. */
const AT_ONCE = 4;

/** Asks every node; one that does not answer is told as trouble, by name, and is not asked for the rest. */
export async function askNodes<T>(
  nodes: readonly ExpectedNode[],
  question: (node: ExpectedNode) => Promise<T>,
): Promise<Map<string, Answer<T>>> {
  const answers = new Map<string, Answer<T>>(nodes.map(({ name }) => [name, { trouble: 'not asked' }]));
  const left = [...nodes];
  const worker = async (): Promise<void> => {
    for (let node = left.shift(); node; node = left.shift()) {
      try {
        answers.set(node.name, { found: await question(node) });
      } catch (error) {
        answers.set(node.name, { trouble: messageOf(error) });
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return answers;
}

/** Asks every machine once, whoever wants to know. */
export class Machines {
  private asked: Promise<Map<string, Answer<MachineFacts>>> | undefined;

  constructor(
    private readonly reader: MachineReader,
    private readonly nodes: readonly ExpectedNode[],
  ) {}

  facts(): Promise<Map<string, Answer<MachineFacts>>> {
    this.asked ??= askNodes(this.nodes, (node) => this.ask(node));
    return this.asked;
  }

  /** Clocks are no facts that keep: they are asked for at once and apart. */
  clocks(): Promise<Map<string, Answer<ClockReading>>> {
    return askNodes(this.nodes, ({ address }) => this.reader.clock(address));
  }

  private async ask({ address }: ExpectedNode): Promise<MachineFacts> {
    // First, so that a machine that is silent costs one deadline and not four.
    const version = await this.reader.version(address);
    const extensions = await this.reader.extensions(address);
    const links = await this.reader.links(address);
    return { version, extensions, links, addresses: await this.reader.linkAddresses(address) };
  }
}

/** Problems of every node: of those that answer what `look` finds, of the others that they do not. */
export function nodeProblems<T>(
  nodes: readonly ExpectedNode[],
  answers: ReadonlyMap<string, Answer<T>>,
  look: (node: ExpectedNode, found: T) => string[],
): string[] {
  return nodes.flatMap((node) => {
    const answer = answers.get(node.name) ?? { trouble: 'not asked' };
    const problems = 'trouble' in answer ? [answer.trouble] : look(node, answer.found);
    return problems.length > 0 ? [`${node.name}: ${problems.join(', ')}`] : [];
  });
}
