import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { REMOVED } from '../../../operations/src/preflight/removed';
import { REPOSITORY } from '../../support/stack-files';

const MODULE = 'github.com/siderolabs/go-kubernetes';
/** The names of upstream's fields, by the component that they are of. */
const COMPONENTS = {
  kubeAPIServerChecks: 'kube-apiserver',
  kubeControllerManagerChecks: 'kube-controller-manager',
  kubeSchedulerChecks: 'kube-scheduler',
  kubeletChecks: 'kubelet',
};

interface Upstream {
  gates: string[];
  plugins: string[];
  kinds: string[];
  flags: Record<string, string[]>;
}

/** The same table, in the source of the `talosctl` that the lab is built with. */
describe("operations/preflight/removed: the table of talosctl's upgrade-k8s", () => {
  it('has the same entries for each minor release', function () {
    const source = checksOfUpgradeK8s();
    if (source === undefined) this.skip();
    const upstream = tableIn(source);
    assert.ok(upstream.size > 5, 'the table of the source was not read');
    for (const [minor, { featureGates = [], admissionPlugins = [], kinds = [], flags = {} }] of ours())
      assert.deepEqual(
        { gates: [...featureGates], plugins: [...admissionPlugins], kinds: kinds.map(named), flags },
        upstream.get(minor),
        `Kubernetes 1.${minor}`,
      );
    const known = ours().map(([minor]) => minor);
    const newer = [...upstream.keys()].filter((minor) => minor > Math.max(...known));
    assert.deepEqual(newer, [], 'upstream knows newer releases');
  });
});

function ours() {
  return Object.entries(REMOVED).map(([minor, removed]) => [Number(minor), removed] as const);
}

/** `/apis/GROUP/VERSION/RESOURCE` as upstream writes it. */
function named(path: string): string {
  return path.split('/').slice(2).reverse().join('.');
}

/** Undefined where the module is not in Go's cache: talosctl was found or downloaded, not built here. */
function checksOfUpgradeK8s(): string | undefined {
  try {
    const folder = execFileSync('go', ['list', '-m', '-f', '{{.Dir}}', MODULE], {
      cwd: join(REPOSITORY, 'lab/tools/talosctl'),
      env: { ...process.env, GOPROXY: 'off', GOFLAGS: '-mod=readonly' },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
    return readFileSync(join(folder, 'kubernetes/upgrade/checks.go'), 'utf8');
  } catch {
    return undefined;
  }
}

function tableIn(source: string): Map<number, Upstream> {
  const [, table = ''] = /upgradeVersionCheck: map\[string\]componentChecks\{([^]*?)\n\t\t\},\n/.exec(source) ?? [];
  const parts = table.split(/"1\.\d+->1\.(\d+)": \{/).slice(1);
  const found = new Map<number, Upstream>();
  for (let at = 0; at + 1 < parts.length; at += 2) found.set(Number(parts[at]), entryIn(parts[at + 1] ?? ''));
  return found;
}

function entryIn(text: string): Upstream {
  const flags = Object.entries(COMPONENTS).flatMap(([field, component]): [string, string[]][] => {
    const [, own = ''] = new RegExp(`\\n\\t{4}${field}: \\w+\\{([^]*?)\\n\\t{4}\\},`).exec(text) ?? [];
    const names = listIn(own, 'removedFlags');
    return names.length > 0 ? [[component, names]] : [];
  });
  return {
    gates: listIn(text, 'removedFeatureGates'),
    plugins: listIn(text, 'removedAdmissionPlugins'),
    kinds: listIn(text, 'removedAPIResources'),
    flags: Object.fromEntries(flags),
  };
}

function listIn(text: string, field: string): string[] {
  const [, list = ''] = new RegExp(`${field}: \\[\\]string\\{([^]*?)\\n\\s*\\},`).exec(text) ?? [];
  return [...list.matchAll(/^\s*"([^"]+)"/gm)].map(([, name = '']) => name);
}
