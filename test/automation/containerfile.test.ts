import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { validate, ValidationSeverity, type ValidatorSettings } from 'dockerfile-utils';
import { REPOSITORY } from '../support/stack-files';

const STRICT: ValidatorSettings = {
  deprecatedMaintainer: ValidationSeverity.ERROR,
  directiveCasing: ValidationSeverity.ERROR,
  emptyContinuationLine: ValidationSeverity.ERROR,
  instructionCasing: ValidationSeverity.ERROR,
  instructionCmdMultiple: ValidationSeverity.ERROR,
  instructionEntrypointMultiple: ValidationSeverity.ERROR,
  instructionHealthcheckMultiple: ValidationSeverity.ERROR,
  instructionJSONInSingleQuotes: ValidationSeverity.ERROR,
  instructionWorkdirRelative: ValidationSeverity.ERROR,
};

const text = (file: string) => readFileSync(join(REPOSITORY, file), 'utf8');

/** What is wrong with a Containerfile: the linter's findings, and our own rules. */
function problems(content: string): string[] {
  const linted = validate(content, STRICT).map(
    ({ range, message }) => `line ${range.start.line + 1}: ${typeof message === 'string' ? message : message.value}`,
  );
  return [
    ...linted,
    ...content
      .split(/^(?=FROM )/m)
      .slice(1)
      .flatMap(stageProblems),
  ];
}

function stageProblems(stage: string): string[] {
  const [from = ''] = stage.split('\n');
  const name = / AS (\S+)$/.exec(from)?.[1] ?? from;
  const found: string[] = [];
  const say = (what: string) => found.push(`${name}: ${what}`);
  if (!/^FROM \S+:[\w.-]+@sha256:[0-9a-f]{64} AS /.test(from)) say('base without a tag and a digest');
  const users = [...stage.matchAll(/^USER (\S+)$/gm)].map(([, user = '']) => user);
  // What the stage ends as; the first one is left behind, and installs packages.
  if (name !== 'build' && !/^[1-9]\d*:[1-9]\d*$/.test(users.at(-1) ?? '')) say('not a user by number other than root');
  if (/^ADD /m.test(stage)) say('ADD, which fetches and unpacks: COPY does neither');
  if (/^(ARG|ENV) [^\n]*(TOKEN|PASSWORD|PASSPHRASE|SECRET|KEY)/m.test(stage)) say('a credential in a layer');
  if (/--privileged|chmod[^\n]*777|\bsudo\b/.test(stage)) say('more rights than it needs');
  return found;
}

describe('Containerfile (R004-FR3)', () => {
  it('has nothing that the linter or our rules find wrong', () => {
    assert.deepEqual(problems(text('Containerfile')), []);
  });

  for (const [what, from, to, expected] of [
    ['an instruction that there is not', 'WORKDIR /opt', 'WORKDIRR /opt', /Unknown instruction: WORKDIRR/],
    ['a relative directory', 'WORKDIR /work', 'WORKDIR work', /WORKDIR/],
    ['a base that can move', /@sha256:[0-9a-f]{64} AS driver/, ' AS driver', /driver: base without a tag and a digest/],
    ['root at the end', /USER 1001:1001\nWORKDIR/, 'USER 0:0\nWORKDIR', /driver: not a user by number/],
    ['a name for a user', /USER 1001:1001\n#/, 'USER runner\n#', /runner: not a user by number/],
    ['a credential', 'PULUMI_SKIP_UPDATE_CHECK=true', 'PULUMI_ACCESS_TOKEN=x', /a credential in a layer/],
    ['something fetched', 'COPY . .', 'ADD https://example.net/x .', /ADD, which fetches/],
  ] as const)
    it(`says so of ${what}`, () => {
      const changed = text('Containerfile').replace(from, to);
      assert.notEqual(changed, text('Containerfile'));
      assert.match(problems(changed).join('\n'), expected);
    });

  it('is made by the same script as the gate, and has no stack file and nothing made elsewhere in it', () => {
    for (const file of ['Containerfile', '.ci/run']) assert.match(text(file), /^(RUN )?bash \.ci\/install /m, file);
    const ignored = text('.containerignore').split('\n');
    for (const path of ['Pulumi.*.yaml', '**/node_modules', '**/dist', 'build', '.git'])
      assert.ok(ignored.includes(path), path);
  });
});
