import { createInterface } from 'node:readline/promises';
import { CommandError } from './exit';

/**
 * Asks at the terminal for one word. `--yes` answers; where nobody can be asked, its absence is an error.
 * @returns false for any other answer.
 */
export async function confirmed(question: string, word: string, yes: boolean): Promise<boolean> {
  if (yes) return true;
  if (!process.stdin.isTTY)
    throw new CommandError('Not confirmed. Expected --yes when nobody can be asked (no terminal), found neither.');
  const ask = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return (await ask.question(`${question} Type '${word}': `)).trim() === word;
  } finally {
    ask.close();
  }
}
