/**
 * `npm run lint:renovate`: renovate.json5 by Renovate's own validator, a dry run of Renovate on this checkout, which has to
 * find every pinned version, and the rules on what it found: group and labels by what lies between two versions.
 *
 * Renovate is 450 packages, so it is no dependency of the project: it is installed from .ci/renovate, with its lock, into
 * the tools' cache. Nothing is looked up in the network but that installation.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pins } from '../config/pins';
import { defaultCacheDirectory } from '../lab/tools/locations';
import { renovateConfig } from './support/renovate';
import { REPOSITORY } from './support/stack-files';

interface Dependency {
  depName: string;
  datasource?: string;
  currentValue?: string;
  currentDigest?: string;
}

interface Line {
  level: number;
  msg: string;
  packageFiles?: Record<string, { packageFile: string; deps: Dependency[] }[]>;
}

interface Ruled {
  groupName?: string;
  addLabels?: string[];
  dependencyDashboardApproval?: boolean;
  enabled?: boolean;
  allowedVersions?: string;
  separateMultipleMinor?: boolean;
}

/** Of a line that says something is wrong. */
const ERROR = 50;

/** The folder of an installation that is whole: it has its name only once it is. */
function installed(): string {
  const source = join(REPOSITORY, '.ci/renovate');
  const lock = readFileSync(join(source, 'package-lock.json'));
  const key = createHash('sha256').update(lock).update(process.version).digest('hex').slice(0, 12);
  const home = join(defaultCacheDirectory(), 'renovate', key);
  if (existsSync(home)) return home;
  process.stdout.write('Installing Renovate (once) ...\n');
  mkdirSync(join(home, '..'), { recursive: true });
  const draft = mkdtempSync(`${home}-`);
  try {
    cpSync(source, draft, { recursive: true });
    run('npm', ['ci', '--ignore-scripts', '--omit=optional', '--no-audit', '--no-fund'], draft);
    renameSync(draft, home);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    // Somebody else was faster: theirs is as good.
    if (!existsSync(home)) throw error;
  }
  return home;
}

function run(program: string, args: string[], cwd: string, environment: Record<string, string> = {}): string {
  const { PATH, HOME, npm_config_registry: registry } = process.env;
  const network = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => /^(npm_config_|.*_proxy$|NODE_EXTRA|SSL_)/i.test(name)),
  );
  const env = { ...network, PATH, HOME, ...(registry && { npm_config_registry: registry }), ...environment };
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd,
    env,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (error) throw error;
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: exit code ${status}\n${stdout}${stderr}`);
  return stdout;
}

/** What a dry run finds in this checkout, by manager. */
function extracted(home: string): Map<string, Dependency[]> {
  const base = mkdtempSync(join(tmpdir(), 'prox-ops-renovate-'));
  try {
    const settings = { RENOVATE_BASE_DIR: base, LOG_LEVEL: 'debug', LOG_FORMAT: 'json' };
    const program = join(home, 'node_modules/.bin/renovate');
    const output = run(program, ['--platform=local', '--dry-run=extract'], REPOSITORY, settings);
    const lines = output.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as Line] : []));
    const wrong = lines.filter(({ level }) => level >= ERROR).map(({ msg }) => msg);
    assert.deepEqual(wrong, [], 'the dry run reports errors');
    const files = lines.find(({ packageFiles }) => packageFiles !== undefined)?.packageFiles ?? {};
    return new Map(Object.entries(files).map(([manager, found]) => [manager, found.flatMap(({ deps }) => deps)]));
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
}

/** Every pinned version has been found, and nothing besides in that file. */
function checkPins(found: Dependency[]): void {
  const { release, extensions, tools, images } = pins();
  const versions = [release, extensions, tools].flatMap((group) => Object.values(group));
  const whole = Object.values(images);
  const values = found.map(({ depName, currentValue = '', currentDigest }) => {
    const image = `${depName}:${currentValue}${currentDigest === undefined ? '' : `@${currentDigest}`}`;
    return whole.includes(image) ? image : currentValue;
  });
  assert.deepEqual(values.sort(), [...versions, ...whole].sort(), 'versions.yaml');
}

function checkOthers(found: Map<string, Dependency[]>): void {
  const names = (manager: string) => new Set((found.get(manager) ?? []).map(({ depName }) => depName));
  for (const name of ['@muhlba91/pulumi-proxmoxve', '@pulumi/pulumi', '@pulumi/kubernetes', 'mocha', 'renovate'])
    assert.ok(names('npm').has(name), `npm: ${name}`);
  for (const name of ['github.com/siderolabs/talos', 'k8s.io/kubernetes', 'github.com/rhysd/actionlint'])
    assert.ok(names('gomod').has(name), `gomod: ${name}`);
  const actions = (found.get('github-actions') ?? []).filter(({ datasource }) => datasource === 'github-tags');
  assert.ok(actions.length > 0, 'no action found');
  const floating = actions.filter(({ currentDigest }) => !/^[0-9a-f]{40}$/.test(currentDigest ?? ''));
  assert.deepEqual(
    floating.map(({ depName }) => depName),
    [],
    'actions that are not pinned by commit',
  );
}

/** Which group and labels each has, by manager, name and what lies between the versions. */
const EXPECTED: [manager: string, name: string, type: string, group: string, labels: string[]][] = [
  ['custom.regex', 'siderolabs/talos', 'patch', 'Talos', ['talos', 'upgrade/in-place']],
  ['custom.regex', 'siderolabs/talos', 'minor', 'Talos', ['talos', 'upgrade/replace']],
  ['custom.regex', 'siderolabs/talos', 'major', 'Talos', ['talos', 'upgrade/replace', 'needs-approval']],
  ['custom.regex', 'ghcr.io/siderolabs/drbd', 'patch', 'Talos', ['talos', 'upgrade/in-place']],
  ['custom.regex', 'ghcr.io/siderolabs/kubelet', 'patch', 'Kubernetes', ['kubernetes', 'upgrade/replace']],
  ['custom.regex', 'ghcr.io/siderolabs/kubelet', 'minor', 'Kubernetes', ['kubernetes', 'upgrade/replace']],
  [
    'custom.regex',
    'ghcr.io/siderolabs/kubelet',
    'major',
    'Kubernetes',
    ['kubernetes', 'upgrade/replace', 'needs-approval'],
  ],
  ['custom.regex', 'quay.io/piraeusdatastore/piraeus-csi', 'minor', 'Piraeus', ['storage']],
  ['custom.regex', 'github.com/siderolabs/talos', 'minor', 'talosctl', ['lab']],
  ['gomod', 'github.com/siderolabs/talos', 'minor', 'talosctl', ['lab']],
  ['gomod', 'k8s.io/api', 'minor', "the lab's Kubernetes", ['lab']],
  ['custom.regex', 'k8s.io/kubernetes', 'minor', "the lab's Kubernetes", ['lab']],
  ['gomod', 'sigs.k8s.io/kwok', 'minor', 'programs of the lab', ['lab']],
  ['npm', '@pulumi/pulumi', 'minor', 'Pulumi', ['pulumi']],
  ['custom.regex', 'github.com/pulumi/pulumi/pkg/v3', 'minor', 'Pulumi', ['pulumi']],
  ['npm', '@pulumi/kubernetes', 'minor', 'Pulumi providers', ['pulumi']],
  ['npm', '@muhlba91/pulumi-proxmoxve', 'major', 'Proxmox provider', ['proxmox']],
  ['github-actions', 'actions/checkout', 'major', 'actions', ['ci']],
  ['npm', 'renovate', 'minor', 'linters', ['ci']],
];

async function checkRules(home: string): Promise<void> {
  const load = createRequire(join(home, 'index.js'));
  const { applyPackageRules } = load('renovate/dist/util/package-rules') as {
    applyPackageRules: (config: object, stage: string) => Promise<Ruled>;
  };
  const config = renovateConfig();
  const ruled = (manager: string, name: string, updateType: string, more: object = {}) =>
    applyPackageRules({ ...config, manager, depName: name, packageName: name, updateType, ...more }, 'lookup');
  for (const [manager, name, type, group, labels] of EXPECTED) {
    const { groupName, addLabels, dependencyDashboardApproval } = await ruled(manager, name, type);
    assert.deepEqual([groupName, addLabels], [group, labels], `${manager} ${name} ${type}`);
    const asked = labels.includes('needs-approval');
    assert.equal(dependencyDashboardApproval === true, asked, `${name} ${type}: approval`);
  }
  for (const name of ['siderolabs/talos', 'ghcr.io/siderolabs/kubelet'])
    assert.equal((await ruled('custom.regex', name, 'minor')).separateMultipleMinor, true, name);
  const indirect = (tool: string) => ({
    depType: 'indirect',
    enabled: false,
    packageFile: `lab/tools/${tool}/go.mod`,
  });
  const enabled = async (...of: Parameters<typeof ruled>) => (await ruled(...of)).enabled;
  assert.equal(await enabled('gomod', 'k8s.io/kubernetes', 'minor', indirect('kubernetes')), true);
  assert.equal(await enabled('gomod', 'k8s.io/client-go', 'major', indirect('kubernetes')), false);
  assert.equal(await enabled('gomod', 'k8s.io/client-go', 'minor', indirect('kwok')), false);
  assert.equal(await enabled('gomod', 'sigs.k8s.io/kwok', 'minor', indirect('kwok')), true);
  assert.equal(await enabled('gomod', 'golang.org/x/sys', 'minor', indirect('kwok')), false);
  assert.equal((await ruled('npm', 'renovate', 'major')).allowedVersions, '<40');
}

async function main(): Promise<void> {
  const home = installed();
  const validator = join(home, 'node_modules/.bin/renovate-config-validator');
  run(validator, ['--strict', 'renovate.json5'], REPOSITORY);
  process.stdout.write('passed  renovate-config-validator --strict renovate.json5\n');
  const found = extracted(home);
  checkPins(found.get('regex') ?? []);
  checkOthers(found);
  const counts = [...found].map(([manager, deps]) => `${manager} ${deps.length}`).join(', ');
  process.stdout.write(`passed  renovate --platform=local --dry-run=extract: ${counts}\n`);
  await checkRules(home);
  process.stdout.write(`passed  groups and labels of ${EXPECTED.length} updates\n`);
}

void main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
