import { drain } from './drain';
import { driver } from './driver';
import { plaintext } from './plaintext';
import { policies } from './policies';
import { scale } from './scale';

/** `npm run bench [TOPIC...]`: what is measured, by name. Results are ratios, printed for people. */
const TOPICS: Record<string, () => Promise<string>> = { scale, policies, plaintext, drain, driver };

async function main(asked: string[]): Promise<void> {
  const unknown = asked.filter((topic) => !(topic in TOPICS));
  if (unknown.length > 0)
    throw new Error(`expected topics of ${Object.keys(TOPICS).join(', ')}, found ${unknown.join(', ')}`);
  for (const [topic, run] of Object.entries(TOPICS)) {
    if (asked.length > 0 && !asked.includes(topic)) continue;
    process.stdout.write(`\n== ${topic}\n${await run()}\n`);
  }
}

/**
 * With both ends of TLS connections in this process, as an API server's proxy and our client are, Node 20 may turn in
 * circles for ever while it cleans up at its natural end: so it is ended, once all is written.
 */
function end(code: number): void {
  process.stdout.write('', () => {
    process.exit(code);
  });
}

main(process.argv.slice(2)).then(
  () => {
    end(0);
  },
  (error: unknown) => {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
    end(1);
  },
);
