import type { FaultName } from '../../lab/world/faults';
import { phasesOf, SUBJECTS, Turns } from '../support/turns';

/** Short enough to wait for, long enough for a busy machine. */
const PATIENCE = {
  drainTimeout: 20,
  drainAttempts: 1,
  nodeReadyTimeout: 40,
  etcdTimeout: 30,
  healthTimeout: 30,
  healthTries: 1,
  healthCheckTimeout: 15,
  maxRemediations: 0,
  // A rollback would fail as well while the fault lasts: what is shown here is that running on converges.
  rollback: 'manual',
};

const OUTAGES: [fault: FaultName, says: string, subject?: 'node'][] = [
  ['kubernetes-api-down', 'the Kubernetes API'],
  ['kubernetes-api-flaps', 'every other connection to the Kubernetes API'],
  ['linstor-unreachable', 'LINSTOR'],
  ['linstor-silent', 'LINSTOR, without an answer,'],
  ['proxmox-500', 'Proxmox'],
  ['talos-unreachable', "the node's machine API", 'node'],
];

describe('something is unreachable from one step of a replacement on, and back for the next run', () => {
  let turns: Turns;

  before(async () => {
    turns = await Turns.start(115, PATIENCE);
  });

  after(async () => {
    await turns.engine.close();
  });

  for (const [fault, says, subject] of OUTAGES) {
    describe(`${says} is unreachable`, () => {
      for (const node of SUBJECTS) {
        for (const phase of phasesOf(node)) {
          it(`${node}: ${phase}`, async () => {
            const { faults } = turns.engine.lab;
            const disturb = () => {
              faults.set(fault, subject && node);
            };
            await turns.disturbed(node, phase, disturb, () => {
              faults.clear(fault);
            });
          });
        }
      }
    });
  }
});
