import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import Ajv from 'ajv';
import draft04 from 'ajv/lib/refs/json-schema-draft-04.json';
import schema from '@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json';
import type { EngineEvent, OpType } from '@pulumi/pulumi/automation';
import { isBlocked, type PolicyReport } from '../../../driver/check/check';
import { FindingCollector, type Finding } from '../../../driver/check/findings';
import { markdownReport } from '../../../driver/check/markdown';
import { checkExcuse, OWN_PACK, packConfigs, packsFor } from '../../../driver/check/packs';
import { plannedChanges } from '../../../driver/check/plannedChanges';
import { sarifReport } from '../../../driver/check/sarif';
import { textReport } from '../../../driver/check/text';
import { linesOf } from '../../../driver/check/where';
import { ChangeSet, type Change } from '../../../driver/changes';
import { REPOSITORY } from '../../support/stack-files';

const text = readFileSync(`${REPOSITORY}/Pulumi.prod.yaml`, 'utf8');
const lines = linesOf('/x/Pulumi.prod.yaml', text);
const lineOf = (node: string) => text.split('\n').findIndex((line) => line.trimStart().startsWith(`${node}:`)) + 1;

const finding = (node: string | undefined, more: Partial<Finding> = {}): Finding => ({
  policy: 'vm-tags',
  description: 'Machines are found by their tags.',
  level: 'mandatory',
  message: `${node ?? 'x'}: expected a | tag, found none.`,
  urn: node === undefined ? undefined : `urn:pulumi:prod::prox-ops::a:b:C::${node}-vm`,
  node,
  ...more,
});

const vm = { type: 'VmLegacy', name: 'k8s-work-2-vm', node: 'k8s-work-2' };

const report: PolicyReport = {
  stack: 'prod',
  resources: 117,
  changes: [
    { ...vm, action: 'replace', paths: ['description', 'clone', 'cpu', 'memory', 'bios', 'vga'] },
    { ...vm, name: 'k8s-work-2-config', action: 'replace', paths: ['node'] },
    { ...vm, name: 'k8s-work-2-identity', action: 'update', paths: [] },
    { type: 'File', name: 'image-thor', node: undefined, action: 'create', paths: [] },
    { ...vm, name: 'k8s-work-11-vm', node: 'k8s-work-11', action: 'delete', paths: [] },
  ],
  findings: [
    finding('k8s-work-11'),
    finding('k8s-work-2', { level: 'advisory' }),
    finding('k8s-work-2'),
    finding(undefined),
  ],
  unjudged: [finding('k8s-work-1')],
};
const empty: PolicyReport = { stack: 'prod', resources: 117, changes: [], findings: [], unjudged: [] };

describe('driver/check reports', () => {
  it('text: by node in their order, mandatory first, with the line in the stack file', () => {
    const found = textReport(report, lines);
    const heads = found.split('\n').filter((line) => /^\S.*\(Pulumi/.test(line));
    assert.deepEqual(heads, [
      'the cluster  (Pulumi.prod.yaml:1)',
      `k8s-work-2  (Pulumi.prod.yaml:${lineOf('k8s-work-2')})`,
      `k8s-work-11  (Pulumi.prod.yaml:${lineOf('k8s-work-11')})`,
    ]);
    assert.match(found, /k8s-work-2 .*\n {2}violation {2}vm-tags\n.*\n.*\n {2}note {2}vm-tags/);
    assert.match(found, /prod: 3 violations, 1 note; 117 resources judged, 1 judgement left for the update\.$/);
  });

  it('text: nothing found is one line', () => {
    assert.equal(textReport(empty, lines), 'prod: 0 violations, 0 notes; 117 resources judged.');
  });

  it('SARIF: valid by the published schema, each finding at its line', () => {
    const validate = new Ajv({ schemaId: 'auto', meta: false, unknownFormats: 'ignore' })
      .addMetaSchema(draft04)
      .compile(schema);
    for (const each of [report, empty]) assert.ok(validate(sarifReport(each, lines)), JSON.stringify(validate.errors));
    assert.ok(!validate({ version: '2.1.0', runs: [{ results: [{}] }] }), 'the schema takes anything');
    const [first] = sarifReport(report, lines).runs[0]?.results ?? [];
    assert.equal(first?.ruleId, 'vm-tags');
    assert.equal(first?.level, 'error');
    assert.deepEqual(first?.locations?.[0]?.physicalLocation, {
      artifactLocation: { uri: 'Pulumi.prod.yaml' },
      region: { startLine: lineOf('k8s-work-11') },
    });
  });

  it('markdown: a table whose cells keep their bars; none without findings', () => {
    const found = markdownReport(report, lines);
    assert.match(found, /^### Policies: prod\n/);
    assert.match(
      found,
      /\| k8s-work-11 \| ❌ \| `vm-tags` \| k8s-work-11: expected a \\\| tag, found none\. \| `Pulumi\.prod\.yaml:\d+` \|/,
    );
    assert.doesNotMatch(markdownReport(empty, lines), /\|/);
  });

  it('markdown: what would change, by node, with what differs', () => {
    const found = markdownReport(report, lines).split('#### Changes')[1] ?? '';
    assert.deepEqual(found.trim().split('\n'), [
      '<details><summary>2 to replace, 1 to delete, 1 to create, 1 to update</summary>',
      '',
      '| Node | Changes |',
      '| --- | --- |',
      '| the cluster | **create** image-thor |',
      '| k8s-work-2 | **replace** vm (description, clone, cpu, memory, 2 more), config (node)<br>**update** identity |',
      '| k8s-work-11 | **delete** vm |',
      '',
      '</details>',
    ]);
    assert.match(markdownReport(empty, lines), /#### Changes\n\nNone of 117 resources\.\n$/);
  });

  it('markdown: GitHub’s longest comment is not exceeded', () => {
    const many = Array.from({ length: 400 }, (_, index) => finding(`k8s-work-${index}`, { message: 'x'.repeat(500) }));
    const found = markdownReport({ ...report, findings: many }, lines);
    assert.ok(found.length <= 65_536 && found.length > 60_000, String(found.length));
    assert.match(found, /\|\n\nShortened: .* The whole report: `npx prox-ops check`\.\n$/);
  });

  it('planned changes: one for each resource, components and the stack left out', () => {
    const change = (type: string, ...ops: OpType[]): Change => {
      const name = type.split(/[:/]/).at(-1) ?? '';
      return { urn: type, type, name, ops, paths: ['node'] };
    };
    assert.deepEqual(
      plannedChanges([
        change('pulumi:pulumi:Stack', 'create'),
        change('prox-ops:node:TalosNode', 'create'),
        change('proxmoxve:index/vmLegacy:VmLegacy', 'create-replacement', 'replace', 'delete-replaced'),
        change('pulumi-nodejs:dynamic/prox-ops:HealthGate', 'create'),
        change('talos:machine/secrets:Secrets', 'update'),
        change('command:local:Command', 'delete'),
        change('proxmoxve:download/file:File', 'import'),
      ]).map(({ action, type, paths }) => [action, type, paths.length]),
      [
        ['replace', 'VmLegacy', 1],
        ['create', 'HealthGate', 0],
        ['update', 'Secrets', 1],
        ['delete', 'Command', 0],
        ['other', 'File', 0],
      ],
    );
  });

  it('notes block nothing, one violation does', () => {
    assert.equal(isBlocked({ ...empty, findings: [finding('a', { level: 'advisory' })] }), false);
    assert.equal(isBlocked(report), true);
  });

  it('gathers the engine’s events: description, message, level; what could not be run is no violation', () => {
    const collector = new FindingCollector();
    const event = (message: string, enforcementLevel: string) =>
      ({
        policyEvent: {
          policyName: 'p',
          message,
          enforcementLevel,
          resourceUrn: 'urn:pulumi:s::p::pulumi:pulumi:Stack::p-s',
          color: 'never',
        },
      }) as unknown as EngineEvent;
    collector.add(
      event("can't run policy 'p' from policy pack 'x' during preview: string value at .a can't be known", 'advisory'),
    );
    assert.equal(collector.blocks, false);
    collector.add(event('Why.\n<{%reset%}>expected a<{%reset%}>', 'mandatory'));
    assert.equal(collector.blocks, true);
    const [found] = collector.findings(new ChangeSet());
    assert.deepEqual(found, {
      policy: 'p',
      description: 'Why.',
      level: 'mandatory',
      message: 'expected a',
      urn: undefined,
      node: undefined,
    });
    assert.equal(collector.unjudged(new ChangeSet()).length, 1);
  });
});

describe('driver/check/packs', () => {
  it('ours, then those named; its configuration beside it', () => {
    const packs = packsFor({ policyPack: ['/x/pack'] });
    assert.deepEqual(packs, [OWN_PACK, '/x/pack']);
    const [own, other] = packConfigs(packs, '/nowhere', 'prod');
    assert.equal(own, `${OWN_PACK}/config.json`);
    assert.equal(other, `${OWN_PACK}/unconfigured.json`);
  });

  it('is left out for a reason and a time only', () => {
    const today = new Date('2026-11-21T12:00:00Z');
    checkExcuse('2026-11-21: the pack refuses what is right', today);
    checkExcuse('2026-12-21: the pack refuses what is right', today);
    for (const text of [
      'yes',
      '2026-11-20: the pack refuses what is right',
      '2026-12-22: the pack refuses',
      '2026-11-21: why',
    ])
      assert.throws(() => {
        checkExcuse(text, today);
      }, /--skip-policies: Expected 'YYYY-MM-DD: reason' with a last day from 2026-11-21 to 2026-12-21/);
  });
});
