import { kubernetesSupported, nodeVersionsAgree } from '../../policies/versions';
import { secret, UNKNOWN } from '../support/policies';
import { testPolicy } from '../support/policy-cases';
import { cluster, withProps } from '../support/policy-cluster';

const SCHEMATIC = 'a'.repeat(64);
const config = (image: string, kubelet = 'kubelet:v1.34.1', stack = cluster()) =>
  withProps(stack, 'k8s-work-1-config', {
    machineConfigurationInput: secret(`machine: {install: {image: "${image}"}, kubelet: {image: "${kubelet}"}}`),
  });
const INSTALLER = `factory.example/nocloud-installer/${SCHEMATIC}:v1.11.3`;
const release = (change: object, stack = cluster()) =>
  withProps(stack, 'k8s-work-1-HealthGate', {
    release: { talos: 'v1.11.3', kubernetes: 'v1.34.1', schematic: SCHEMATIC, ...change },
  });

describe('policies/versions', () => {
  testPolicy(nodeVersionsAgree, ({ passes, fails, unjudged }) => {
    passes('one release, one schematic', cluster);
    fails(
      'an installer of another release',
      () => config(INSTALLER.replace('v1.11.3', 'v1.12.4')),
      /k8s-work-1: installer’s release: expected v1\.11\.3, found v1\.12\.4/,
    );
    fails(
      'an installer of another schematic',
      () => config(INSTALLER.replace(SCHEMATIC, 'c'.repeat(64))),
      /k8s-work-1: installer’s schematic: expected a+, found c+/,
    );
    fails('no installer', () => config('none'), [
      /installer’s release: .* found none/,
      /installer’s schematic: .* found none/,
    ]);
    fails(
      'checks for another release',
      () => release({ talos: 'v1.12.4' }),
      /release the node is checked for: expected v1\.11\.3, found v1\.12\.4/,
    );
    fails(
      'checks for another schematic',
      () => release({ schematic: 'd' }),
      /schematic the node is checked for: .* found d/,
    );
    fails(
      'a kubelet of another version',
      () => config(INSTALLER, 'kubelet:v1.33.0'),
      /kubelet’s version: expected v1\.34\.1, found v1\.33\.0/,
    );
    unjudged(
      'the schematic of the VM',
      () => withProps(cluster(), 'k8s-work-1-vm', { description: UNKNOWN.text }),
      /description/,
    );
    unjudged(
      'the configuration, while the checks disagree',
      () =>
        withProps(release({ talos: 'v1.12.4' }), 'k8s-work-1-config', {
          machineConfigurationInput: secret(UNKNOWN.text),
        }),
      /machineConfigurationInput/,
      [/release the node is checked for/],
    );
  });

  testPolicy(kubernetesSupported, ({ passes, fails, unjudged }) => {
    passes('in the range', cluster);
    passes('its ends', () =>
      withProps(release({ kubernetes: 'v1.29.0' }), 'k8s-work-2-HealthGate', {
        release: { talos: 'v1.11.0', kubernetes: 'v1.34.9' },
      }),
    );
    fails(
      'too old',
      () => release({ kubernetes: 'v1.28.9' }),
      /k8s-work-1: expected Kubernetes v1\.29 to v1\.34 with Talos v1\.11\.3, found v1\.28\.9/,
    );
    fails('too new', () => release({ kubernetes: 'v1.35.0' }), /found v1\.35\.0\. Change prox-ops:releases/);
    fails('a Talos nobody knows', () => release({ talos: 'v1.99.0' }), /expected a Talos release from/);
    unjudged('the release', () => release({ kubernetes: UNKNOWN.text }), /kubernetes/);
  });
});
