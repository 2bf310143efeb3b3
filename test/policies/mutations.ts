/**
 * `npm run test:mutations`: breaks each policy in each way of policy-mutants.ts and runs the topic's tests, which have to
 * fail. Prints the list. Arguments: topics; all when there are none.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { TOPICS } from '../../policies/pack';
import { type Mutation, MUTATION, MUTATIONS } from '../support/policy-mutants';
import { REPOSITORY } from '../support/stack-files';

/** Whether the topic's tests notice. */
function isNoticed(topic: string, policy: string, mutation: Mutation): boolean {
  const mocha = join(REPOSITORY, 'node_modules/mocha/bin/mocha.js');
  const args = [mocha, '--bail', '--grep', policy, join(__dirname, `${topic}.test.ts`)];
  const env = { ...process.env, [MUTATION]: `${mutation} ${policy}` };
  return spawnSync(process.execPath, args, { cwd: REPOSITORY, env }).status !== 0;
}

/** Policies on options and the graph read nothing that a preview could not know; secret-marks judges nothing. */
const APPLIES: Record<Mutation, (policy: string) => boolean> = {
  mute: (policy) => policy !== 'secret-marks',
  shout: (policy) => policy !== 'secret-marks',
  mumble: (policy) => policy !== 'secret-marks',
  blind: (policy) =>
    !['secret-marks', 'talos-secrets-protected', 'node-lifecycle-order', 'node-delete-before-replace'].includes(policy),
};

const wanted = process.argv.slice(2);
let survived = 0;
for (const [topic, policies] of Object.entries(TOPICS)) {
  if (wanted.length > 0 && !wanted.includes(topic)) continue;
  for (const { name } of Object.values(policies)) {
    for (const mutation of Object.keys(MUTATIONS) as Mutation[]) {
      if (!APPLIES[mutation](name)) continue;
      const noticed = isNoticed(topic, name, mutation);
      if (!noticed) survived += 1;
      process.stdout.write(
        `${noticed ? 'noticed ' : 'SURVIVED'}  ${topic}  ${name}  ${mutation}: ${MUTATIONS[mutation]}\n`,
      );
    }
  }
}
process.exitCode = survived === 0 ? 0 : 1;
