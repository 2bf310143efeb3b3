import { vmNames, vmTags } from '../../policies/naming';
import { UNKNOWN } from '../support/policies';
import { testPolicy } from '../support/policy-cases';
import { cluster, withProps } from '../support/policy-cluster';

const node = (props: Record<string, unknown>) => withProps(cluster(), 'k8s-work-1-vm', props);
const tags = (...list: string[]) => node({ tags: list });
const template = (props: Record<string, unknown>) => withProps(cluster(), 'template-a-odin-standard', props);

describe('policies/naming', () => {
  testPolicy(vmNames, ({ passes, fails, unjudged }) => {
    passes('nodes and templates', cluster);
    fails(
      'another name',
      () => node({ name: 'k8s-work-2' }),
      /k8s-work-1: expected the VM to be named k8s-work-1, found k8s-work-2/,
    );
    fails('none', () => node({ name: undefined }), /found none/);
    fails(
      'a template named like a node',
      () => template({ name: 'k8s-work-1' }),
      /expected a template named talos-RELEASE/,
    );
    unjudged('the name', () => node({ name: UNKNOWN.text }), /name/);
  });

  testPolicy(vmTags, ({ passes, fails, unjudged }) => {
    passes('tags of the plan', cluster);
    passes('tags of one’s own', () => tags('prox-ops', 'worker', 'rack_1', 'room.2'));
    fails('not ours', () => tags('worker'), /k8s-work-1: expected the tag prox-ops, found worker/);
    fails('no role', () => tags('prox-ops'), /expected one of the tags controlplane and worker/);
    fails('two roles', () => tags('prox-ops', 'worker', 'controlplane'), /expected one of the tags/);
    fails('upper case', () => tags('prox-ops', 'worker', 'Rack'), /expected tags in lower case .* found Rack/);
    fails('twice', () => tags('prox-ops', 'worker', 'a', 'a'), /expected each tag once/);
    fails('none', () => node({ tags: undefined }), [
      /expected the tag prox-ops, found none/,
      /expected one of the tags/,
    ]);
    fails('a template without its tag', () => template({ tags: ['prox-ops'] }), /expected the tag template/);
    fails(
      'one that the configuration asks for',
      () => tags('prox-ops', 'worker'),
      Array(15).fill(/the tag backup-daily/) as RegExp[],
      {
        required: ['backup-daily'],
      },
    );
    unjudged('the tags', () => node({ tags: UNKNOWN.list }), /tags/);
  });
});
