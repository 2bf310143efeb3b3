import { join } from 'node:path';
import { labRoot } from './locations';
import { pinnedTool } from './pins';
import type { Download, ToolSpec } from './spec';
import { sameMinor } from './version';

/** The programs of the lab. */
export const TOOL_NAMES = [
  'pulumi',
  'talosctl',
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kubectl',
  'kwok',
] as const;

/** Programs that no lab runs by itself: whoever wants one asks for it. */
export const EXTRA_TOOL_NAMES = ['versitygw', 'actionlint'] as const;

export type ToolName = (typeof TOOL_NAMES)[number];
export type AnyToolName = ToolName | (typeof EXTRA_TOOL_NAMES)[number];

const PULUMI = pinnedTool('pulumi');
const TALOS = pinnedTool('talosctl');
const ETCD = pinnedTool('etcd');
const KUBERNETES = pinnedTool('kubernetes');
const KWOK = pinnedTool('kwok');
const VERSITYGW = pinnedTool('versitygw');
const ACTIONLINT = pinnedTool('actionlint');

/** A machine as Go and the release pages name it: linux/amd64. */
interface Platform {
  readonly os: string;
  readonly arch: string;
}

function thisPlatform(): Platform {
  return { os: process.platform, arch: process.arch === 'x64' ? 'amd64' : process.arch };
}

/** All tools, for this machine, in the order in which they are best built: the longest builds that others wait for first. */
export function catalog(platform: Platform = thisPlatform()): Record<AnyToolName, ToolSpec> {
  return {
    pulumi: pulumi(platform),
    talosctl: talosctl(platform),
    etcd: etcd(platform),
    'kube-apiserver': kubernetes('kube-apiserver', platform),
    'kube-controller-manager': kubernetes('kube-controller-manager', platform),
    'kube-scheduler': kubernetes('kube-scheduler', platform),
    kubectl: kubernetes('kubectl', platform),
    kwok: kwok(),
    versitygw: versitygw(),
    actionlint: actionlint(),
  };
}

function goModule(name: string): string {
  return join(labRoot(), 'tools', name);
}

/** Adds a download where one is published: a property that is present but undefined would not be the optional one. */
function withDownload(spec: ToolSpec, download: Download | undefined): ToolSpec {
  return download ? { ...spec, download } : spec;
}

function pulumi({ os, arch }: Platform): ToolSpec {
  const releases = 'https://get.pulumi.com/releases/sdk';
  const spec: ToolSpec = {
    name: 'pulumi',
    version: PULUMI,
    // A newer engine speaks to an older SDK; an older one does not know what the SDK asks for.
    accepts: { from: PULUMI, below: '4.0.0' },
    probe: { args: ['version'], pattern: /^(v\S+)/m },
    recipe: {
      moduleDir: goModule('pulumi'),
      packagePath: 'github.com/pulumi/pulumi/pkg/v3/cmd/pulumi',
      ldflags: `-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=${PULUMI}`,
    },
  };
  return withDownload(spec, {
    url: `${releases}/pulumi-${PULUMI}-${os}-${arch === 'amd64' ? 'x64' : arch}.tar.gz`,
    checksumUrl: `${releases}/pulumi-${PULUMI.slice(1)}-checksums.txt`,
    archiveMember: 'pulumi/pulumi',
  });
}

function talosctl({ os, arch }: Platform): ToolSpec {
  const release = `https://github.com/siderolabs/talos/releases/download/${TALOS}`;
  const spec: ToolSpec = {
    name: 'talosctl',
    version: TALOS,
    // The machine configs that it writes are for its own minor version, unless told otherwise.
    accepts: sameMinor(TALOS),
    probe: { args: ['version', '--client'], pattern: /(?:Tag:|Talos)\s+(v\S+)/ },
    recipe: {
      moduleDir: goModule('talosctl'),
      packagePath: 'github.com/siderolabs/talos/cmd/talosctl',
      // The published module has its version embedded already; -X has no effect on it.
      ldflags: '',
    },
  };
  return withDownload(spec, {
    url: `${release}/talosctl-${os}-${arch}`,
    checksumUrl: `${release}/sha256sum.txt`,
  });
}

function etcd({ os, arch }: Platform): ToolSpec {
  const release = `https://github.com/etcd-io/etcd/releases/download/${ETCD}`;
  const spec: ToolSpec = {
    name: 'etcd',
    version: ETCD,
    accepts: sameMinor(ETCD),
    probe: { args: ['--version'], pattern: /etcd Version:\s+(\S+)/ },
    recipe: { moduleDir: goModule('etcd'), packagePath: 'go.etcd.io/etcd/server/v3', ldflags: '' },
  };
  const folder = `etcd-${ETCD}-${os}-${arch}`;
  const published = os === 'linux';
  return withDownload(
    spec,
    published
      ? {
          url: `${release}/${folder}.tar.gz`,
          checksumUrl: `${release}/SHA256SUMS`,
          archiveMember: `${folder}/etcd`,
        }
      : undefined,
  );
}

function kubernetes(name: ToolName, { os, arch }: Platform): ToolSpec {
  const url = `https://dl.k8s.io/release/${KUBERNETES}/bin/${os}/${arch}/${name}`;
  const spec: ToolSpec = {
    name,
    version: KUBERNETES,
    accepts: sameMinor(KUBERNETES),
    probe: {
      args: name === 'kubectl' ? ['version', '--client'] : ['--version'],
      pattern: /(?:Kubernetes|Client Version:)\s+(v\S+)/,
    },
    recipe: {
      moduleDir: goModule('kubernetes'),
      packagePath: `k8s.io/kubernetes/cmd/${name}`,
      ldflags: kubernetesVersionFlags(),
    },
  };
  // The server programs are published for Linux alone, kubectl for every system.
  return withDownload(spec, os === 'linux' || name === 'kubectl' ? { url, checksumUrl: `${url}.sha256` } : undefined);
}

/**
 * Without these an API server says v0.0.0-master, and clients that compare versions (talosctl, Helm, the Kubernetes
 * provider) refuse it or leave features out.
 */
function kubernetesVersionFlags(): string {
  const [, major, minor] = /^v(\d+)\.(\d+)\./.exec(KUBERNETES) ?? [];
  const values = [`gitVersion=${KUBERNETES}`, `gitMajor=${major}`, `gitMinor=${minor}`, 'gitTreeState=clean'];
  return ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version']
    .flatMap((path) => values.map((value) => `-X ${path}.${value}`))
    .join(' ');
}

function kwok(): ToolSpec {
  return {
    name: 'kwok',
    version: KWOK,
    accepts: sameMinor(KWOK),
    probe: { args: ['--version'], pattern: /kwok version (v?\d\S*)/ },
    // Its release page has no checksum to verify a download against.
    recipe: { moduleDir: goModule('kwok'), packagePath: 'sigs.k8s.io/kwok/cmd/kwok', ldflags: '' },
  };
}

function actionlint(): ToolSpec {
  return {
    name: 'actionlint',
    version: ACTIONLINT,
    accepts: sameMinor(ACTIONLINT),
    probe: { args: ['-version'], pattern: /^v?(\d\S*)/m },
    recipe: {
      moduleDir: goModule('actionlint'),
      packagePath: 'github.com/rhysd/actionlint/cmd/actionlint',
      ldflags: `-X github.com/rhysd/actionlint.version=${ACTIONLINT.slice(1)}`,
    },
  };
}

/** The Versity S3 gateway: an S3 server over a folder. */
function versitygw(): ToolSpec {
  return {
    name: 'versitygw',
    version: VERSITYGW,
    accepts: sameMinor(VERSITYGW),
    probe: { args: ['--version'], pattern: /^Version\s*:\s*(v\S+)/m },
    // Its releases come as archives per distribution, without one checksum file for all.
    recipe: {
      moduleDir: goModule('versitygw'),
      packagePath: 'github.com/versity/versitygw/cmd/versitygw',
      ldflags: `-X main.Version=${VERSITYGW}`,
    },
  };
}
