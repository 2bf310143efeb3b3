import type { ChildProcess } from 'node:child_process';
import { powerCut } from '../support/engine-cluster';
import { phasesOf, SUBJECTS, Turns } from '../support/turns';

const DEATHS: Record<string, (driver: ChildProcess) => void> = {
  'the driver alone is killed, its engine lives on': (driver) => driver.kill('SIGKILL'),
  'driver, engine and providers are killed at once': powerCut,
};

describe('I8 killed at each step of a replacement, then run again', () => {
  let turns: Turns;

  before(async () => {
    turns = await Turns.start(112);
  });

  after(async () => {
    await turns.engine.close();
  });

  for (const [death, kill] of Object.entries(DEATHS)) {
    describe(death, () => {
      for (const node of SUBJECTS) {
        for (const phase of phasesOf(node)) it(`${node}: ${phase}`, () => turns.disturbed(node, phase, kill));
      }
    });
  }
});
