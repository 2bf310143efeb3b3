import { UNKNOWN } from '@prox-ops/operations';
import semver from 'semver';
import { excuse, type Exception } from '../../config/exceptions';
import { releaseInDescription } from '../../config/plan';
import type { Change } from '../changes';
import { VM_TYPE } from '../state';

/** What is about to happen, as a preview says it. */
export interface Upcoming {
  changes: Change[];
  /** Nodes that an interrupted run left half replaced. */
  open: string[];
  /** Whether a rollout takes the nodes one by one; else it is one update. */
  oneByOne: boolean;
}

export interface ChangePolicyConfig {
  enforcementLevel?: string;
  exceptions?: Exception[];
}

interface Problem {
  message: string;
  change?: Change;
  /** The preview does not know yet what is judged: neither a violation nor none. */
  unknown?: boolean;
}

/** A policy on steps: the engine hands a policy pack the new state only, which does not tell a change from a stack at rest. */
export interface ChangePolicy {
  name: string;
  description: string;
  check: (upcoming: Upcoming, config: ChangePolicyConfig) => Problem[];
}

const SECRETS = 'talos:machine/secrets:Secrets';
const BUCKET = /^aws:s3\/bucket(V2)?:/;
const GATE = 'pulumi-nodejs:dynamic/prox-ops:HealthGate';

const nodeVm = ({ type, node }: Change) => type === VM_TYPE && node !== undefined;
const goes = ({ ops }: Change) => ops.some((op) => op === 'delete' || op === 'delete-replaced' || op === 'replace');
const isReplaced = ({ ops }: Change) => ops.some((op) => /replace/.test(op));
const isGone = (change: Change) => goes(change) && !isReplaced(change);
const isNew = ({ ops, before }: Change) => ops.includes('create') && before === undefined;
const tagsOf = (inputs: Record<string, unknown> | undefined) =>
  Array.isArray(inputs?.tags) ? (inputs.tags as unknown[]) : [];
const isControlPlane = ({ before, after }: Change) => tagsOf(after ?? before).includes('controlplane');

const isUnknown = (value: unknown) => typeof value === 'string' && value.includes(UNKNOWN);

export const oneNodeAtATime: ChangePolicy = {
  name: 'one-node-at-a-time',
  description:
    'Two nodes that are replaced in one update are down together: their replicas and their quorum with them.',
  check: ({ changes, oneByOne }) => {
    const replaced = changes.filter((change) => nodeVm(change) && goes(change));
    if (oneByOne || replaced.length < 2) return [];
    const names = replaced
      .map(({ node }) => node)
      .sort()
      .join(', ');
    const message = `expected one node VM replaced or deleted in one update, found ${replaced.length}: ${names}. Replace them with: prox-ops roll`;
    return [{ message }];
  },
};

export const noControlPlaneWhileOnePends: ChangePolicy = {
  name: 'no-control-plane-while-one-pends',
  description: 'A second control plane taken down while the first is not back leaves etcd without a quorum.',
  check: ({ changes, open, oneByOne }) => {
    const controlPlanes = changes.filter((change) => nodeVm(change) && isControlPlane(change));
    const halfReplaced = controlPlanes.find(({ node }) => open.includes(node ?? ''));
    const joining = controlPlanes.find((change) => isNew(change) && !open.includes(change.node ?? ''));
    const pending = halfReplaced ?? joining;
    // A rollout finishes or puts back what is open before it begins with another node.
    if (oneByOne || !pending) return [];
    const [state, remedy] = halfReplaced
      ? ['half replaced', `Finish it first: prox-ops roll --nodes ${pending.node}`]
      : ['still to join', 'Replace and add them one after the other: prox-ops roll'];
    return controlPlanes
      .filter((change) => goes(change) && !open.includes(change.node ?? ''))
      .map((change) => ({
        change,
        message: `${change.node}: expected every other control plane to be a member of etcd, found ${pending.node} ${state}. ${remedy}`,
      }));
  },
};

export const clusterIdentityKept: ChangePolicy = {
  name: 'cluster-identity-kept',
  description: 'New Talos secrets are a new cluster, and without the state bucket nobody knows the old one.',
  check: ({ changes }) =>
    changes
      .filter(({ type }) => type === SECRETS || BUCKET.test(type))
      .flatMap((change): Problem[] => {
        if (goes(change))
          return [
            {
              change,
              message: `${change.name}: expected to be kept, found that it would be ${isReplaced(change) ? 'replaced' : 'deleted'}. Take back what changes it.`,
            },
          ];
        if (change.after && change.retained !== true)
          return [
            {
              change,
              message: `${change.name}: expected retainOnDelete: true, found it off. Set it where the resource is described.`,
            },
          ];
        return [];
      }),
};

export const vmIdNotReused: ChangePolicy = {
  name: 'vm-id-not-reused',
  description: 'A VM id that another node had a moment ago may still be its VM, its disks and its backups.',
  check: ({ changes }) => {
    const vms = changes.filter(({ type }) => type === VM_TYPE);
    const owners = new Map(vms.filter(({ before }) => before?.vmId !== undefined).map((vm) => [vm.before?.vmId, vm]));
    return vms.flatMap((vm): Problem[] => {
      const name = vm.node ?? vm.name;
      if (isUnknown(vm.after?.vmId))
        return [{ change: vm, unknown: true, message: `${name}: the VM id is not known yet` }];
      const owner = owners.get(vm.after?.vmId);
      if (!owner || owner.urn === vm.urn) return [];
      return [
        {
          change: vm,
          message: `${name}: expected a VM id that no other node had, found ${String(vm.after?.vmId)}, which is ${owner.node ?? owner.name}'s. Set nodes.${name}.vmId to a new one.`,
        },
      ];
    });
  },
};

export const noDowngrade: ChangePolicy = {
  name: 'no-downgrade',
  description: 'An older release may not read what the newer one wrote: etcd’s data above all.',
  check: ({ changes }, { exceptions }) =>
    changes.flatMap((change) =>
      versions(change, changes).flatMap(([what, from, to]): Problem[] => {
        const node = change.node ?? change.name;
        if (isUnknown(to)) return [{ change, unknown: true, message: `${node}: the ${what} release is not known yet` }];
        if (!semver.valid(from) || !semver.valid(to) || !semver.lt(to ?? '', from ?? '')) return [];
        const verdict = excuse(exceptions, node);
        if (verdict.excused) return [];
        return [
          {
            change,
            message: `${node}: expected ${what} ${from} or newer, found ${to} (${verdict.hint}). Change prox-ops:releases, or name an exception under no-downgrade.exceptions in the policy configuration.`,
          },
        ];
      }),
    ),
};

type Versions = [what: string, from: string | undefined, to: string | undefined];
type Inputs = Record<string, unknown> | undefined;

function versions({ type, node, before, after }: Change, changes: Change[]): Versions[] {
  if (!before || !after) return [];
  if (type === GATE) return [['Kubernetes', releaseOf(before, 'kubernetes'), releaseOf(after, 'kubernetes')]];
  if (type !== VM_TYPE || node === undefined) return [];
  // A description waits for the schematic that it names; the gate tells the release by itself.
  const gate = changes.find((other) => other.type === GATE && other.node === node);
  const to = isUnknown(after.description) ? (releaseOf(gate?.after, 'talos') ?? UNKNOWN) : imageOf(after);
  return [['Talos', imageOf(before), to]];
}

function imageOf(inputs: Inputs): string | undefined {
  return typeof inputs?.description === 'string' ? releaseInDescription(inputs.description) : undefined;
}

function releaseOf(inputs: Inputs, key: 'talos' | 'kubernetes'): string | undefined {
  const release = inputs?.release as string | Partial<Record<typeof key, string>> | undefined;
  return typeof release === 'string' ? release : release?.[key];
}

export const controlPlanesByOne: ChangePolicy = {
  name: 'control-planes-by-one',
  description: 'etcd takes one member more or less at a time: with two it can lose its quorum on the way.',
  check: ({ changes }) => {
    const vms = changes.filter(nodeVm);
    const before = vms.filter((change) => tagsOf(change.before).includes('controlplane')).length;
    const after = vms.filter((change) => !isGone(change) && tagsOf(change.after).includes('controlplane')).length;
    // The first build and the end of a cluster have no quorum to keep.
    if (before === 0 || after === 0 || Math.abs(after - before) <= 1) return [];
    return [
      {
        message: `expected the number of control planes to change by one at most, found ${before} -> ${after}. Add or remove them one by one in prox-ops:nodes.`,
      },
    ];
  },
};

export const CHANGE_POLICIES: ChangePolicy[] = [
  oneNodeAtATime,
  noControlPlaneWhileOnePends,
  clusterIdentityKept,
  vmIdNotReused,
  noDowngrade,
  controlPlanesByOne,
];
