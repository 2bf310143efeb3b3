import assert from 'node:assert/strict';
import { differenceBetween, nextKubernetes, nextTalos, pathProblem, type NextStep } from '../../config/upgradePath';

describe('R004-FR2 the upgrade path', () => {
  const words = (steps: NextStep[]) =>
    steps.map(({ releases, after }) => (after ? `${releases} after ${after}` : releases));

  it('tells patch, minor and major apart, and what goes back', () => {
    const cases = { none: 'v1.11.3', patch: 'v1.11.10', minor: 'v1.12.0', major: 'v2.0.0', older: 'v1.11.2' };
    for (const [difference, to] of Object.entries(cases)) assert.equal(differenceBetween('v1.11.3', to), difference);
    assert.equal(differenceBetween('v1.12.0-rc.1', 'v1.12.0'), 'patch');
  });

  it('allows patches of Talos in place and the next minor by replacement', () => {
    assert.deepEqual(nextTalos({ talos: 'v1.11.3', kubernetes: 'v1.34.1' }), [
      { releases: 'v1.11.x', how: 'in place' },
      { releases: 'v1.12.x', how: 'replaces nodes' },
    ]);
  });

  it('names what has to come first: a Kubernetes that the next Talos still runs, a Talos that runs the next Kubernetes', () => {
    assert.deepEqual(words(nextTalos({ talos: 'v1.11.3', kubernetes: 'v1.29.4' })), [
      'v1.11.x',
      'v1.12.x after Kubernetes v1.30 to v1.35 with Talos v1.12.0',
    ]);
    assert.deepEqual(words(nextKubernetes({ talos: 'v1.11.3', kubernetes: 'v1.34.1' })), [
      'v1.34.x',
      'v1.35.x after Talos v1.12.x',
    ]);
    assert.deepEqual(words(nextKubernetes({ talos: 'v1.12.4', kubernetes: 'v1.34.1' })), ['v1.34.x', 'v1.35.x']);
  });

  it('proposes no release that this program knows nothing of', () => {
    assert.deepEqual(words(nextTalos({ talos: 'v1.15.0', kubernetes: 'v1.36.0' })), ['v1.15.x']);
    assert.deepEqual(words(nextKubernetes({ talos: 'v1.15.0', kubernetes: 'v1.38.0' })), ['v1.38.x']);
  });

  it('refuses skipped minors and a major from the middle', () => {
    assert.match(pathProblem('Talos', 'v1.11.3', 'v1.13.0') ?? '', /one minor at a time, v1\.12\.x first/);
    assert.match(pathProblem('Talos', 'v1.11.3', 'v2.1.0') ?? '', /the first minor of the next major, v2\.0\.x/);
    for (const to of ['v1.11.9', 'v1.12.0', 'v2.0.3', 'v1.10.0'])
      assert.equal(pathProblem('Talos', 'v1.11.3', to), undefined, to);
  });
});
