import { resolve } from 'node:path';
import { planCluster } from '../../config/plan';
import type { StackConfig } from '../../config/schema';
import { confirmed } from '../ask';
import { packsFor, type PolicyOptions } from '../check/packs';
import { CommandError, ExitCode } from '../exit';
import { openStack } from '../project';
import { missingNodes, rebuild } from '../rebuild/rebuild';
import { RecordFile, type RebuildRecord } from '../rebuild/record';
import { chooseSnapshot, describeSnapshot, type ChosenSnapshot } from '../rebuild/snapshot';
import { inSession } from '../session';
import { readState, type StackState } from '../state';
import { stackConfig } from '../stackFile';
import { fingerprint } from '../talosSecrets/bundle';
import { mustBeSame, readCopy, readIdentities } from '../talosSecrets/copy';
import { heldSecrets, type HeldSecrets } from '../talosSecrets/held';
import { projectFrom, type RunOptions } from './options';
import { mustBeThere } from './secrets';

export interface RebuildCommandOptions extends RunOptions, PolicyOptions {
  yes?: boolean;
  secretsCopy?: string;
  identity?: string;
  /** File of an etcd snapshot. */
  snapshot?: string;
}

/** `prox-ops rebuild`: the cluster again, from the same secrets: same CA, same endpoint, old credentials work again. */
export async function rebuildCommand(options: RebuildCommandOptions): Promise<ExitCode> {
  const project = projectFrom(options);
  const stack = await openStack(project);
  const config = await stackConfig(stack);
  const held = mustBeThere(await heldSecrets(stack), stack.name);
  const { secretsCopy, identity } = options;
  if (secretsCopy !== undefined) {
    const identities = identity === undefined ? [] : await readIdentities(identity);
    mustBeSame(secretsCopy, await readCopy(resolve(secretsCopy), identities), held.bundle);
  }
  const record = new RecordFile(project.directory, stack.name);
  const state = await readState(stack);
  const unfinished = record.read(fingerprint(held.bundle));
  const snapshot = await snapshotFor(options.snapshot, { config, held, state, unfinished });
  const missing = missingNodes(state, planCluster(config));
  if (missing.length === 0 && unfinished === undefined) {
    process.stdout.write(
      options.json === true ? '' : 'Every node is there: nothing to rebuild. See: prox-ops health\n',
    );
    return ExitCode.ok;
  }
  const { name } = config.cluster;
  const etcd = snapshot === undefined ? 'etcd begins empty' : `etcd begins from ${describeSnapshot(snapshot)}`;
  const question =
    `Rebuild ${missing.length} node(s) of cluster ${name} with the Talos secrets of OS authority ` +
    `${fingerprint(held.bundle)}, ${state.isBootstrapped() ? 'etcd is there' : etcd}?`;
  if (!(await confirmed(question, name, options.yes === true))) return ExitCode.interrupted;
  return inSession({ project, stack, command: 'rebuild', options }, (session) => {
    const policyPacks = packsFor(options, session.log);
    return rebuild({ stack, config, held, policyPacks, record, snapshot }, session);
  });
}

interface Found {
  config: StackConfig;
  held: HeldSecrets;
  state: StackState;
  unfinished: RebuildRecord | undefined;
}

/**
 * The snapshot that was asked for, checked. An unfinished rebuild goes on with the one that it began with: without it, or
 * with another one, etcd would begin as something else than the half that is done.
 * @throws CommandError; nothing was changed.
 */
async function snapshotFor(
  file: string | undefined,
  { config, held, state, unfinished }: Found,
): Promise<ChosenSnapshot | undefined> {
  const begun = unfinished?.snapshot;
  if (file === undefined) {
    if (begun === undefined) return undefined;
    throw refused(
      `Expected --snapshot ${begun.file}, as the unfinished rebuild began etcd from it, found no --snapshot`,
      'To begin otherwise: prox-ops destroy',
    );
  }
  const { bundle } = held;
  const chosen = await chooseSnapshot(file, { name: config.cluster.name, bundle, plan: planCluster(config) });
  if (begun !== undefined && begun.sha256 !== chosen.contents.sha256)
    throw refused(
      `Expected the snapshot with SHA-256 ${begun.sha256} (${begun.file}), as the unfinished rebuild began etcd from it, ` +
        `found ${chosen.contents.sha256}`,
      'To begin otherwise: prox-ops destroy',
    );
  if (begun === undefined && state.isBootstrapped())
    throw refused(
      '--snapshot: expected a cluster without an etcd, found one that was bootstrapped',
      'To go on without: prox-ops rebuild; to go back to a snapshot: prox-ops destroy first',
    );
  return chosen;
}

function refused(what: string, next: string): CommandError {
  return new CommandError(`${what}. Nothing was changed. ${next}`, ExitCode.blocked);
}
