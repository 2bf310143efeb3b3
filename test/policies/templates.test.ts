import { nodeTemplatePresent, previousReleaseBootable } from '../../policies/templates';
import { UNKNOWN } from '../support/policies';
import { configureStack, cluster, withProps } from '../support/policy-cluster';
import { testPolicy } from '../support/policy-cases';
import { production } from '../support/stack-files';

const TEMPLATE = 'template-a-thor-standard';
const without = (name: string) => cluster().filter((resource) => resource.name !== name);

function twoReleases() {
  const b = { talos: 'v1.12.4', kubernetes: 'v1.34.1' };
  configureStack((raw) => Object.assign(raw['releases'] ?? {}, { b }));
  const config = production();
  return cluster({ ...config, releases: { ...config.releases, b } });
}

describe('policies/templates', () => {
  testPolicy(nodeTemplatePresent, ({ passes, fails, unjudged }) => {
    passes('every template', cluster);
    fails(
      'a template that is not there',
      () => without('template-a-thor-gpu'),
      /k8s-work-4: expected a template with VM id 9007 in this stack, found none/,
    );
    fails('no clone at all', () => withProps(cluster(), 'k8s-work-1-vm', { clone: undefined }), /VM id undefined/);
    fails(
      'a template of another release',
      () => withProps(cluster(), 'template-a-heimdall-gpu', { description: 'Talos v1.10.0, schematic x' }),
      /k8s-work-13|k8s-work-14: expected a template of "Talos v1\.11\.3, schematic b+", found "Talos v1\.10\.0, schematic x"/,
    );
    unjudged(
      'the description of a template, while another is missing',
      () => withProps(without('template-a-thor-gpu'), 'template-a-heimdall-gpu', { description: UNKNOWN.text }),
      /description/,
      [/k8s-work-4: expected a template/],
    );
  });

  testPolicy(previousReleaseBootable, ({ passes, fails, unjudged }) => {
    passes('one release', cluster);
    passes('two releases', twoReleases);
    passes('a stack without nodes', () => []);
    fails(
      'in the slot in use',
      () => without(TEMPLATE),
      /expected template a-thor-standard \(VM id 9006, Talos v1\.11\.3, standard, on thor\)/,
    );
    fails(
      'in the other slot',
      () => twoReleases().filter(({ name }) => name !== 'template-b-thor-standard'),
      /expected template b-thor-standard \(VM id 9016, Talos v1\.12\.4/,
    );
    unjudged('which VM a template is', () => withProps(cluster(), TEMPLATE, { vmId: UNKNOWN.number }), /vmId/);
  });
});
