import assert from 'node:assert/strict';
import { configurationDifferences, vmDifferences } from '../../../driver/adopt/differences';
import { differencesTable, grouped } from '../../../driver/adopt/report';

describe('R004-CR adopt: what differs, side by side', () => {
  it('shows of a VM only what the program would set otherwise, and whether that restarts it', () => {
    const live = { memory: { dedicated: 65_536, floating: 0, shared: 0 } };
    const wanted = { memory: { __defaults: [], dedicated: 32_768, floating: 0 } };
    const [finding] = vmDifferences('w1', 'adopted.nodes.w1', ['memory'], live, wanted);
    assert.equal(finding?.live, '{"dedicated":65536}');
    assert.equal(finding?.program, '{"dedicated":32768}');
    assert.match(finding?.settle ?? '', /remove memory from adopted\.nodes\.w1\.keep, which restarts the VM/);
  });

  it('shows no secret of a machine configuration', () => {
    const live = 'machine:\n  token: live-secret\n  sysctls: {a: "1"}\n';
    const wanted = 'machine:\n  token: other-secret\n  sysctls: {}\n';
    const findings = configurationDifferences('w1', live, wanted);
    assert.deepEqual(
      findings.map(({ what }) => what),
      ['w1 machine configuration machine.sysctls.a', 'w1 machine configuration machine.token'],
    );
    assert.doesNotMatch(JSON.stringify(findings), /live-secret|other-secret/);
  });

  it('is no difference when an empty object or list stands for none', () => {
    assert.deepEqual(configurationDifferences('w1', 'machine: {sysctls: {}, files: []}\n', 'machine: {}\n'), []);
  });

  it('gathers what several nodes have alike in one row', () => {
    const of = (name: string) =>
      vmDifferences(name, `adopted.nodes.${name}`, ['bios'], { bios: 'ovmf' }, { bios: 'seabios' });
    const rows = grouped([...of('w1'), ...of('w2')]);
    assert.deepEqual(
      rows.map(({ what }) => what),
      ['bios of w1, w2'],
    );
    assert.match(differencesTable(rows), /ovmf\s+│ seabios/);
  });
});
