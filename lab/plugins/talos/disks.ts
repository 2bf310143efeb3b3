import { parse } from 'yaml';
import type { Failure, FunctionCall } from '../protocol/provider.js';
import { text } from '../protocol/read-value.js';
import type { PropertyMap } from '../protocol/values.js';
import { targetOf } from './configuration-apply.js';
import { deadlineOf } from './durations.js';
import { onMachine, untilDeadline } from './machine-api.js';

interface ListMessage {
  resource: { metadata: { id: string }; spec: { yaml_spec: string } };
}

/** talos:machine/getDisks:getDisks, without its selector, which is a CEL expression. */
export async function getDisks({ args }: FunctionCall): Promise<PropertyMap | Failure[]> {
  const failures = ['node', 'clientConfiguration']
    .filter((name) => args[name] === undefined)
    .map((property) => ({ property, reason: 'missing required argument' }));
  if (text(args['selector']) !== '') {
    failures.push({
      property: 'selector',
      reason: "not supported by the lab's talos plugin; filter the result instead",
    });
  }
  if (failures.length > 0) return failures;
  const target = targetOf(args);
  const deadline = deadlineOf(args['timeouts'], 'read');
  const request = { namespace: 'runtime', type: 'Disks.block.talos.dev' };
  const messages = await untilDeadline(deadline, () =>
    onMachine(target, deadline, (machine) => machine.stream<ListMessage>('state', 'List', request)),
  ).catch((error: Error) => {
    throw new Error(`failed to get list of disks: ${error.message}`);
  });
  return {
    ...args,
    endpoint: target.endpoint,
    id: 'machine_disks',
    disks: messages.map(({ resource }) => disk(resource)),
  };
}

function disk(resource: ListMessage['resource']): PropertyMap {
  const spec = parse(resource.spec.yaml_spec) as Record<string, string | number | boolean | string[]>;
  const camel = (name: string): string => name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
  return Object.fromEntries(Object.entries(spec).map(([name, value]) => [camel(name), value]));
}
