import { blocker, type Finding } from './finding.js';
import type { SchedulableNode, SchedulablePod } from './objects.js';
import { removedFromApi, removedFromControlPlane, removedFromKubelet, type Step } from './removed.js';
import type { TurnRequest } from './request.js';
import type { KubernetesState } from './snapshot.js';

/** Kubelets may be so many minors older than the API server (Kubernetes' version skew policy). */
const KUBELET_BEHIND = 3;

interface Version {
  major: number;
  minor: number;
}

/** Upgrade paths that nobody supports: skipped minors, and a kubelet newer than the API servers it talks to. */
export function versionFindings(
  turns: TurnRequest[],
  { nodes, pods, removedKinds }: Pick<KubernetesState, 'nodes' | 'pods' | 'removedKinds'>,
  kubeletArgs: Record<string, string> = {},
): Finding[] {
  const fleet = new Fleet(nodes, pods);
  let served: Finding[] = [];
  const found = turns.flatMap((turn) => {
    const step = apiServerStep(turn, fleet);
    // All API servers serve the same objects: the first one that makes the step says it.
    if (step && served.length === 0) served = removedFromApi(turn.name, step, removedKinds);
    const each = [
      ...talosPath(turn, fleet),
      ...kubernetesPath(turn, fleet),
      ...removedFindings(turn, fleet, pods, kubeletArgs),
    ];
    fleet.takesTurn(turn);
    return each;
  });
  return [...found, ...served];
}

/** The versions in the cluster, as they are when a turn comes. */
class Fleet {
  readonly talos = new Map<string, string>();
  readonly kubelets = new Map<string, string>();
  readonly apiServers = new Map<string, string>();

  constructor(nodes: SchedulableNode[], pods: SchedulablePod[]) {
    for (const { metadata, status } of nodes) {
      const info = status?.nodeInfo as { kubeletVersion?: string; osImage?: string } | undefined;
      this.kubelets.set(metadata.name, info?.kubeletVersion ?? '');
      this.talos.set(metadata.name, /\((v[^)]+)\)/.exec(info?.osImage ?? '')?.[1] ?? '');
    }
    for (const { metadata, spec } of pods) {
      const version = /kube-apiserver:(v[\d.]+)/.exec(spec?.containers?.[0]?.image ?? '')?.[1];
      if (metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined && version && spec?.nodeName)
        this.apiServers.set(spec.nodeName, version);
    }
  }

  takesTurn({ name, role, release, part }: TurnRequest): void {
    if (release && part !== undefined) {
      (part === 'kubelet' ? this.kubelets : this.apiServers).set(name, release.kubernetes);
      return;
    }
    if (!release) {
      this.kubelets.delete(name);
      this.apiServers.delete(name);
      return;
    }
    this.talos.set(name, release.talos);
    this.kubelets.set(name, release.kubernetes);
    if (role === 'controlplane') this.apiServers.set(name, release.kubernetes);
  }

  oldest(versions: Map<string, string>): { name: string; text: string; minor: number } | undefined {
    const known = [...versions].flatMap(([name, text]) => {
      const version = parse(text);
      return version ? [{ name, text, minor: version.minor }] : [];
    });
    return known.sort((a, b) => a.minor - b.minor)[0];
  }
}

function parse(text: string | undefined): Version | undefined {
  const match = /^v(\d+)\.(\d+)\./.exec(text ?? '');
  return match ? { major: Number(match[1]), minor: Number(match[2]) } : undefined;
}

function talosPath({ name, from, release, part }: TurnRequest, fleet: Fleet): Finding[] {
  if (part !== undefined) return [];
  const now = fleet.talos.get(name) || from;
  const [old, next] = [parse(now), parse(release?.talos)];
  if (!old || !next || isNext(old, next)) return [];
  const between =
    old.major === next.major
      ? `v${old.major}.${old.minor + Math.sign(next.minor - old.minor)}`
      : `v${old.major + Math.sign(next.major - old.major)}.0`;
  return [
    blocker({
      topic: 'version',
      node: name,
      object: 'Talos',
      expected: `one minor at a time: a release of ${between} first`,
      found: `${now} -> ${release?.talos}`,
      remedy: `prox-ops release ${between}.x, roll, then this one`,
    }),
  ];
}

/** The same minor or a neighbour, or the first minor of the next major; no other step is supported. */
function isNext(old: Version, next: Version): boolean {
  if (old.major === next.major) return Math.abs(old.minor - next.minor) <= 1;
  return next.major === old.major + 1 && next.minor === 0;
}

/** Whatever way the release gets onto the node, its configuration goes with it. */
function removedFindings(
  turn: TurnRequest,
  fleet: Fleet,
  pods: SchedulablePod[],
  args: Record<string, string>,
): Finding[] {
  const { name, part } = turn;
  const [servers, kubelet] = [apiServerStep(turn, fleet), stepOf(turn, fleet.kubelets)];
  return [
    ...(servers ? removedFromControlPlane(name, servers, pods) : []),
    ...(kubelet && part !== 'control plane' ? removedFromKubelet(name, kubelet, args) : []),
  ];
}

/** Undefined where the turn changes no API server. */
function apiServerStep(turn: TurnRequest, fleet: Fleet): Step | undefined {
  return turn.role === 'controlplane' && turn.part !== 'kubelet' ? stepOf(turn, fleet.apiServers) : undefined;
}

function stepOf({ name, release }: TurnRequest, running: Map<string, string>): Step | undefined {
  const [now, next] = [parse(running.get(name)), parse(release?.kubernetes)];
  return now && next && { from: now.minor, to: next.minor };
}

function kubernetesPath(turn: TurnRequest, fleet: Fleet): Finding[] {
  const next = parse(turn.release?.kubernetes);
  if (!next) return [];
  const about = { topic: 'version', node: turn.name, object: 'Kubernetes' } as const;
  if (turn.part === 'kubelet')
    return [...notBack(turn, next, fleet.kubelets, about), ...kubeletPath(turn, next, fleet, about)];
  if (turn.role === 'worker') return kubeletPath(turn, next, fleet, about);
  const back = turn.part === undefined ? [] : notBack(turn, next, fleet.apiServers, about);
  return [...back, ...controlPlanePath(turn, next, fleet, about)];
}

/** What newer API servers and kubelets have written, older ones need not understand. */
function notBack({ name, release }: TurnRequest, next: Version, running: Map<string, string>, about: About): Finding[] {
  const found = running.get(name);
  const now = parse(found);
  if (!now || next.minor >= now.minor) return [];
  return [
    blocker({
      ...about,
      expected: 'a Kubernetes in place that is not a minor release older than what runs',
      found: `${found} -> ${release?.kubernetes}`,
      remedy: `keep v1.${now.minor}, or replace the node`,
    }),
  ];
}

type About = Pick<Finding, 'topic' | 'node' | 'object'>;

function kubeletPath({ release }: TurnRequest, next: Version, fleet: Fleet, about: About): Finding[] {
  const oldest = fleet.oldest(fleet.apiServers);
  if (!oldest || next.minor <= oldest.minor) return [];
  return [
    blocker({
      ...about,
      expected: `a kubelet not newer than any API server`,
      found: `kubelet ${release?.kubernetes}, the API server of ${oldest.name} is ${oldest.text}`,
      remedy: `replace ${oldest.name} first`,
    }),
  ];
}

function controlPlanePath({ release }: TurnRequest, next: Version, fleet: Fleet, about: About): Finding[] {
  const found: Finding[] = [];
  const server = fleet.oldest(fleet.apiServers);
  if (server && Math.abs(next.minor - server.minor) > 1)
    found.push(
      blocker({
        ...about,
        expected: `API servers at most one minor apart`,
        found: `${release?.kubernetes}, the API server of ${server.name} is ${server.text}`,
        remedy: `go through v1.${server.minor + Math.sign(next.minor - server.minor)} first`,
      }),
    );
  const kubelet = fleet.oldest(fleet.kubelets);
  if (kubelet && next.minor - kubelet.minor > KUBELET_BEHIND)
    found.push(
      blocker({
        ...about,
        expected: `kubelets at most ${KUBELET_BEHIND} minors older than the API server`,
        found: `${release?.kubernetes}, the kubelet of ${kubelet.name} is ${kubelet.text}`,
        remedy: `bring ${kubelet.name} up first`,
      }),
    );
  return found;
}
