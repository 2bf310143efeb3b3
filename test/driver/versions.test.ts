import assert from 'node:assert/strict';
import type { Extensions, NodeState } from '@prox-ops/operations';
import type { Pins } from '../../config/pins';
import type { StackConfig } from '../../config/schema';
import { compareVersions, type Installed } from '../../driver/versions';

const PINS: Pins = {
  release: { talos: 'v1.12.4', kubernetes: 'v1.34.1' },
  extensions: { 'siderolabs/drbd': '9.2.14', 'siderolabs/gpu-driver': '580.1' },
  tools: { pulumi: 'v3.200.0' },
  images: { csi: 'quay.example/piraeus/csi:v1.10.2@sha256:' + 'a'.repeat(64), other: 'quay.example/other:v1' },
};

const STACK = {
  releases: { active: 'a', a: { talos: 'v1.12.4', kubernetes: 'v1.34.1' } },
  talos: { extensions: { standard: ['siderolabs/drbd'], gpu: ['siderolabs/drbd', 'siderolabs/gpu-driver'] } },
} as unknown as StackConfig;

const NODES = [
  { name: 'w1', variant: 'standard' as const },
  { name: 'w2', variant: 'gpu' as const },
];

function node(name: string, talos = 'v1.12.4', kubelet = 'v1.34.1'): NodeState {
  return { name, talos, kubelet, ready: true, schedulable: true };
}

function extensions(drbd: string): Extensions {
  const all = [
    { name: 'drbd', version: drbd },
    { name: 'gpu-driver', version: '580.1-v1.18.0' },
    { name: 'schematic', version: 'abc' },
  ];
  return { w1: { extensions: all.slice(0, 1) }, w2: { extensions: all } };
}

function installed(change: Partial<Installed> = {}): Installed {
  const images = ['quay.example/piraeus/csi:v1.10.2', 'quay.example:5000/unpinned'];
  return { nodes: [node('w1'), node('w2')], extensions: extensions('9.2.14-v1.12.4'), images, ...change };
}

const differences = (found?: Installed, stack = STACK) => compareVersions(PINS, stack, NODES, found).differences;

describe('prox-ops versions', () => {
  it('finds nothing to say where everything is as it is pinned, extensions with what Talos adds to their version', () => {
    assert.deepEqual(differences(installed()), []);
    assert.deepEqual(differences(), []);
  });

  it('compares an extension on the nodes whose variant has it', () => {
    const { rows } = compareVersions(PINS, STACK, NODES, installed());
    const row = rows.find(({ name }) => name === 'siderolabs/gpu-driver');
    assert.deepEqual(row?.installed, { '580.1-v1.18.0': ['w2'] });
  });

  it('names nodes that run something else, and a path that nobody supports', () => {
    assert.deepEqual(differences(installed({ nodes: [node('w1', 'v1.11.3'), node('w2', 'v1.10.0')] })), [
      'Talos v1.11.3 on w1, pinned v1.12.4.',
      'Talos v1.10.0 on w2, pinned v1.12.4. No supported path: Talos v1.10.0 -> v1.12.4: expected one minor at a time, v1.11.x first.',
    ]);
  });

  it('goes on from the oldest node', () => {
    const { rows } = compareVersions(PINS, STACK, NODES, installed({ nodes: [node('w1', 'v1.11.3'), node('w2')] }));
    assert.deepEqual(
      rows[0]?.next?.map(({ releases }) => releases),
      ['v1.11.x', 'v1.12.x'],
    );
  });

  it('names an extension of another version, one that is missing and one that nobody can tell', () => {
    // 9.2.140 begins like 9.2.14 and is another one.
    assert.match(
      differences(installed({ extensions: extensions('9.2.140-v1.12.4') })).join(),
      /drbd 9\.2\.140-v1\.12\.4/,
    );
    const some: Extensions = { w1: { extensions: [] }, w2: { trouble: 'no answer' } };
    assert.deepEqual(differences(installed({ extensions: some })), [
      'siderolabs/drbd none on w1, pinned 9.2.14.',
      'siderolabs/drbd unknown (no answer) on w2, pinned 9.2.14.',
      'siderolabs/gpu-driver unknown (no answer) on w2, pinned 580.1.',
    ]);
  });

  it('compares images by their repository, and leaves out what does not run', () => {
    const other = installed({ images: ['quay.example/piraeus/csi:v1.9.0', 'elsewhere.example/piraeus/csi:v0'] });
    assert.deepEqual(differences(other), ['csi: the cluster runs v1.9.0, pinned v1.10.2.']);
  });

  it('says how the pinned release gets into the stack file', () => {
    const stack = {
      ...STACK,
      releases: { active: 'a', a: { talos: 'v1.11.3', kubernetes: 'v1.33.5' } },
    } as StackConfig;
    assert.deepEqual(differences(undefined, stack), [
      "The stack file's active slot has Talos v1.11.3, pinned v1.12.4; Kubernetes v1.33.5, pinned v1.34.1. Put the pinned release there: prox-ops release",
    ]);
  });

  it('tells a node whose version is not known', () => {
    assert.deepEqual(differences(installed({ nodes: [node('w1', ''), node('w2')] })), [
      'Talos unknown on w1, pinned v1.12.4.',
    ]);
  });
});
