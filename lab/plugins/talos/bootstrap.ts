import { PlannedResource } from '../protocol/planned-resource.js';
import type { PlannedFrom } from '../protocol/planned-resource.js';
import type { State } from '../protocol/provider.js';
import { string } from '../protocol/schema.js';
import type { PropertyMap } from '../protocol/values.js';
import { targetOf } from './configuration-apply.js';
import { deadlineOf } from './durations.js';
import { onMachine, untilDeadline } from './machine-api.js';
import { clientConfiguration, timeouts } from './schemas.js';

/**
 * talos:machine/bootstrap:Bootstrap. Update and delete do nothing. Trap, copied: on a cluster that runs already the
 * node answers AlreadyExists, which is repeated until the timeout and then fails.
 */
export class BootstrapResource extends PlannedResource {
  constructor() {
    super({
      node: string({ required: true }),
      endpoint: string({ computed: true }),
      clientConfiguration: clientConfiguration({ required: true }),
      timeouts: timeouts('create'),
    });
  }

  protected override refine(planned: PropertyMap, { inputs }: PlannedFrom): PropertyMap {
    return { ...planned, endpoint: inputs['endpoint'] ?? planned['node'] };
  }

  protected async make(planned: PropertyMap): Promise<State> {
    const deadline = deadlineOf(planned['timeouts'], 'create');
    try {
      await untilDeadline(deadline, () =>
        onMachine(targetOf(planned), deadline, (machine) => machine.unary('machine', 'Bootstrap')),
      );
    } catch (error) {
      throw new Error(`Error bootstrapping node: ${(error as Error).message}`);
    }
    return { id: 'machine_bootstrap', properties: planned };
  }

  protected change(planned: PropertyMap): Promise<PropertyMap> {
    return Promise.resolve(planned);
  }
}
