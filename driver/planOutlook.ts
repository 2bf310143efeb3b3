import {
  assess,
  readCluster,
  stepSettings,
  type Finding,
  type Preflight,
  type Replicas,
  type Snapshot,
} from '@prox-ops/operations';
import type { Stack } from '@pulumi/pulumi/automation';
import { planCluster } from '../config/plan';
import type { StackConfig } from '../config/schema';
import { clusterAccess } from './access';
import type { PlannedBatch } from './batches';
import { CommandError } from './exit';
import { expectationOf, readHistory, type Expectation, type MeasuredOutcome } from './history';
import { describeLock, ownership } from './locks/owner';
import { lockStore, type StackLock } from './locks/store';
import type { PlannedNode, RollPlan } from './plan';
import { preflightRequest } from './planRequest';
import { stackConfig } from './stackFile';
import { readState } from './state';

/** What a roll would meet, told before it begins. */
export interface Outlook {
  blockers: Finding[];
  warnings: Finding[];
  /** By node. */
  replicas: Record<string, Replicas>;
  expected: Record<string, Expectation>;
  /** Which turns would go together, where more than one at a time was asked for. */
  together?: AtOnce;
}

export interface AtOnce {
  parallel: number;
  batches: PlannedBatch[];
}

const MEASURED_AS: Partial<Record<PlannedNode['action'], MeasuredOutcome>> = {
  upgrade: 'upgraded',
  kubernetes: 'updated',
};

/** What was read of the world; independent of the plan, so that both are made at the same time. */
export interface Surroundings {
  config: StackConfig;
  /** Why there is no snapshot, when the cluster was never built. */
  snapshot: Snapshot | { unbuilt: string };
  locks: Finding[];
  /** Addresses: those that stand, and those to come. */
  controlPlanes: string[];
}

/** Sends reads alone, whatever it finds. */
export async function lookAround(stack: Stack): Promise<Surroundings> {
  const [config, state] = await Promise.all([stackConfig(stack), readState(stack)]);
  const planned = planCluster(config).controlPlanes.map(({ address }) => address);
  // One that is about to leave for good is in the stack file no more, and is a member of etcd still.
  const controlPlanes = [...new Set([...planned, ...state.controlPlanes()])];
  const [snapshot, locks] = await Promise.all([readWorld(stack, config, controlPlanes), stackLocks(stack)]);
  return { config, snapshot, locks, controlPlanes };
}

async function readWorld(
  stack: Stack,
  config: StackConfig,
  controlPlanes: string[],
): Promise<Surroundings['snapshot']> {
  try {
    const access = await clusterAccess(stack, config);
    return await readCluster({ ...access, controlPlanes }, stepSettings(config));
  } catch (error) {
    if (error instanceof CommandError) return { unbuilt: error.message };
    throw error;
  }
}

/** A lock of another run is named; one whose owner is gone is cleared by the roll itself. */
async function stackLocks(stack: Stack): Promise<Finding[]> {
  const locks = await readLocks(stack);
  return locks.map((lock): Finding => {
    const state = ownership(lock);
    const told = { topic: 'lock', object: "the stack's lock", expected: 'nobody else at work' } as const;
    const found = `held by ${describeLock(lock)}`;
    if (state === 'gone' || state === 'orphaned')
      return {
        ...told,
        severity: 'warning',
        found: `${found}, ${state}`,
        remedy: 'a roll waits for it to end and clears it',
      };
    return {
      ...told,
      severity: 'blocker',
      found,
      remedy: 'wait until that run has ended; once it is gone for certain: prox-ops unlock',
    };
  });
}

/** Where a backend does not show its locks, the engine itself tells of one when the roll begins. */
async function readLocks(stack: Stack): Promise<StackLock[]> {
  try {
    return await (await lockStore(stack)).list();
  } catch (error) {
    if (error instanceof CommandError) return [];
    throw error;
  }
}

/** Puts plan, world and history together. */
export async function outlookOf(
  stack: Stack,
  plan: Pick<RollPlan, 'nodes' | 'prepare'>,
  around: Surroundings,
): Promise<Outlook> {
  const { findings, replicas } = judged(plan, around);
  const all = [...around.locks, ...findings];
  const history = await readHistory(stack.workspace.workDir, stack.name);
  const expected = plan.nodes.map(({ name, role, action }) => {
    return [name, expectationOf(role, replicas[name], history, MEASURED_AS[action])] as const;
  });
  return {
    blockers: all.filter(({ severity }) => severity === 'blocker'),
    warnings: all.filter(({ severity }) => severity === 'warning'),
    replicas,
    expected: Object.fromEntries(expected),
  };
}

function judged(plan: Pick<RollPlan, 'nodes' | 'prepare'>, around: Surroundings): Preflight {
  const { config, snapshot, controlPlanes } = around;
  if ('unbuilt' in snapshot) return { findings: [], replicas: {} };
  return assess(snapshot, preflightRequest(plan, config), controlPlanes);
}
