import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EngineEvent } from '@pulumi/pulumi/automation';
import { EngineLab } from '../support/engine-lab';
import { testBase } from '../support/network';
import { summaryOf } from '../support/production-summary';
import { production, REPOSITORY } from '../support/stack-files';
import { privateValues, resourcesOf } from '../support/state-secrets';

const BASE = 119;
const GOLDEN = join(REPOSITORY, 'test/fixtures/golden/production.txt');

/** Resources without which the cluster could never be made again as it was. */
const PROTECTED = ['talos:machine/secrets:Secrets'];

describe('R004-0 the production cluster of Pulumi.prod.yaml on the real engine', () => {
  let engine: EngineLab;

  before(async () => {
    engine = await EngineLab.start({
      base: BASE,
      nodes: Object.keys(production().nodes),
      rollout: { healthPasses: 1 },
    });
  });

  after(async () => {
    await engine.close();
  });

  /** In production's own addresses. */
  async function previewed(): Promise<string> {
    const log = join(engine.project, 'preview.json');
    const preview = await engine.pulumi(['preview', '--event-log', log], { PULUMI_DEBUG_COMMANDS: 'true' });
    assert.equal(preview.code, 0, preview.output);
    const events = readFileSync(log, 'utf8').trim().split('\n');
    return summaryOf(events.map((line) => JSON.parse(line) as EngineEvent)).replaceAll(
      `127.${testBase(BASE)}.`,
      '10.20.',
    );
  }

  it('a preview makes exactly the resources, templates and nodes of the golden summary', async () => {
    const init = await engine.pulumi(['stack', 'init', 'lab']);
    assert.equal(init.code, 0, init.output);
    const summary = await previewed();
    // Written on request, to be read before it is committed: git shows what differs.
    if (process.env.PROX_OPS_WRITE_GOLDEN === '1') writeFileSync(GOLDEN, summary);
    assert.equal(summary, readFileSync(GOLDEN, 'utf8'));
  });

  it('is built, and a second run has no diff', async () => {
    const up = await engine.proxOps('up');
    assert.equal(up.code, 0, up.output);
    const again = await engine.pulumi(['preview', '--expect-no-changes']);
    assert.equal(again.code, 0, again.output);
  });

  it('R002-1 the secrets are protected, and nothing else is', async () => {
    const resources = resourcesOf((await engine.pulumi(['stack', 'export'])).stdout);
    const kept = resources.filter(({ protect }) => protect === true);
    assert.deepEqual(
      kept.map(({ type }) => type),
      PROTECTED,
    );
  });

  it('R004-FR10 the exported state has no private value in plain text, in no encoding', async () => {
    const shown = await engine.pulumi(['stack', 'export', '--show-secrets']);
    const secrets = privateValues(shown.stdout);
    // Five CA and service account keys, the tokens and secrets of Talos and Kubernetes, the administrators' two client
    // keys, and Proxmox' token.
    assert.ok(secrets.length >= 12, `${secrets.length} private values are too few to be all`);
    const exported = (await engine.pulumi(['stack', 'export'])).stdout;
    const encoded = (value: string): string[] => [value, Buffer.from(value).toString('base64').replace(/=+$/, '')];
    const decoded = (value: string): string[] =>
      /BEGIN/.test(Buffer.from(value, 'base64').toString())
        ? [Buffer.from(value, 'base64').toString().split('\n')[1] ?? '']
        : [];
    const leaks = secrets.filter((value) =>
      [...encoded(value), ...decoded(value)].some((text) => text !== '' && exported.includes(text)),
    );
    assert.equal(leaks.length, 0, `${leaks.length} of ${secrets.length} private values are in the state as they are`);
  });
});
