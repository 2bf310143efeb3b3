import type { ChildProcess } from 'node:child_process';
import { beforeTheIrreversible } from '../../driver/phases';
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

  describe('and aborted: what a step had done half is put back as well', () => {
    for (const node of SUBJECTS) {
      for (const phase of phasesOf(node).filter(beforeTheIrreversible))
        it(`${node}: ${phase}`, () => turns.aborted(node, phase));
    }
  });
});
