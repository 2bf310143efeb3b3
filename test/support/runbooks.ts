import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY } from './stack-files';

const FOLDER = join(REPOSITORY, 'docs/runbooks');

/** A block of commands of a runbook, run by one shell. */
export interface Block {
  text: string;
  /** What the lab is made to be like before it: the name in the comment `<!-- lab: NAME -->` above; '' for a well one. */
  scene: string;
  /** Exit code of the last command; the ones before it end with 0. `sh exit=2` says another one than 0. */
  exit: number;
}

/** Names of the runbooks. */
export function runbooks(): string[] {
  return readdirSync(FOLDER).filter((file) => file.endsWith('.md') && file !== 'README.md');
}

/** Blocks marked sh, in their order, each with the scene that holds there. */
export function blocksOf(file: string): Block[] {
  const text = readFileSync(join(FOLDER, file), 'utf8');
  const marks = text.matchAll(/^<!-- lab: (?<scene>.*?) -->$|^```sh(?: exit=(?<exit>\d+))?\n(?<block>[\s\S]*?)^```$/gm);
  let scene = '';
  const blocks: Block[] = [];
  for (const { groups } of marks) {
    if (groups?.scene !== undefined) scene = groups.scene === 'well' ? '' : groups.scene;
    else blocks.push({ text: groups?.block ?? '', scene, exit: Number(groups?.exit ?? 0) });
  }
  return blocks;
}

/** Commands named in running text and in tables, as `prox-ops …` between backticks: command and options. */
export function namedCommands(file: string): string[] {
  const text = readFileSync(join(FOLDER, file), 'utf8').replaceAll(/^```[\s\S]*?^```$/gm, '');
  return [...text.matchAll(/`(?:npx )?(prox-ops [^`]+)`/g)].map(([, command = '']) => command);
}
