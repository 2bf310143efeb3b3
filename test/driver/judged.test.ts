import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Stack } from '@pulumi/pulumi/automation';
import { UNKNOWN } from '../../operations/src/index';
import type { Change } from '../../driver/changes';
import { descriptionDigest, isKnown } from '../../driver/judged';
import { VM_TYPE } from '../../driver/state';

describe('driver/judged: whether the plan’s policies have seen all of a node', () => {
  let directory: string;
  const stack = () => ({ name: 'lab', workspace: { workDir: directory } }) as unknown as Stack;
  const write = (name: string, text: string) => {
    writeFileSync(join(directory, name), text);
  };

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'prox-ops-judged-'));
    write('Pulumi.yaml', 'name: prox-ops\n');
    write('Pulumi.lab.yaml', 'config: {}\n');
  });

  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  it('the same description has the same digest', () => {
    assert.equal(descriptionDigest(stack()), descriptionDigest(stack()));
  });

  for (const file of ['Pulumi.yaml', 'Pulumi.lab.yaml', 'Pulumi.lab.policies.json'])
    it(`a changed ${file} has another`, () => {
      const before = descriptionDigest(stack());
      write(file, '# edited\n');
      assert.notEqual(descriptionDigest(stack()), before);
    });

  it('another stack’s file is none of this one’s', () => {
    const before = descriptionDigest(stack());
    write('Pulumi.prod.yaml', 'config: {}\n');
    assert.equal(descriptionDigest(stack()), before);
  });

  it('a VM with a value that the preview could not know is not judged yet', () => {
    const vm = (inputs: Record<string, unknown>): Change => ({
      urn: 'urn:pulumi:lab::prox-ops::x::w1-vm',
      type: VM_TYPE,
      name: 'w1-vm',
      ops: ['replace'],
      after: inputs,
    });
    assert.equal(isKnown([vm({ clone: { vmId: 9001 } })]), true);
    assert.equal(isKnown([vm({ clone: { vmId: UNKNOWN } })]), false);
  });
});
