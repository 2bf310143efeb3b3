import {
  awaitHealthy,
  connect,
  followFlux,
  probeOnRequest,
  realClock,
  stepSettings,
  storageReport,
  type ClusterAccess,
  type NewDisks,
  type StorageReport,
} from '@prox-ops/operations';
import type { StackConfig } from '../../config/schema';
import type { Session } from '../session';

/**
 * Waits for what Flux and the operators bring back: the same checks as after a node's turn, with Flux told as it goes on.
 * @returns whether all of them pass.
 */
export async function healthAgain(access: ClusterAccess, config: StackConfig, session: Session): Promise<boolean> {
  const { log, signal } = session;
  const cluster = await connect(access, realClock);
  const over = new AbortController();
  const ends = AbortSignal.any([signal, over.signal]);
  const following = followFlux(cluster.kubernetes, { clock: realClock, signal: ends }, (objects) => {
    log.emit({ type: 'flux', objects });
  }).catch((error: unknown) => {
    log.emit({ type: 'notice', subject: 'Flux', message: error instanceof Error ? error.message : String(error) });
  });
  const report = (message: string) => {
    log.emit({ type: 'progress', message });
  };
  const probe = probeOnRequest(cluster, access, signal);
  const context = { session: cluster, access, settings: stepSettings(config), clock: realClock, probe };
  try {
    const health = await awaitHealthy(context, { signal, report });
    log.emit({ type: health.ok ? 'progress' : 'notice', subject: 'health', message: health.summary });
    return health.ok;
  } finally {
    over.abort();
    await following;
  }
}

/** Tells what became of LINSTOR's volumes, by name. @returns whether none of them needs anybody. */
export async function tellStorage(access: ClusterAccess, newDisks: NewDisks, { log }: Session): Promise<boolean> {
  const { kubernetes, linstor } = await connect(access, realClock);
  if (!linstor) return true;
  const report = await storageReport(kubernetes, linstor, newDisks).catch((error: unknown) =>
    error instanceof Error ? error.message : String(error),
  );
  const lines = typeof report === 'string' ? [`not known what became of its volumes: ${report}`] : storageLines(report);
  for (const message of lines) log.emit({ type: 'notice', subject: 'LINSTOR', message });
  if (typeof report === 'string') return false;
  log.emit({ type: 'progress', message: `LINSTOR: ${report.adopted.length} volume(s) with all their replicas` });
  return lines.length === 0;
}

/** What somebody has to do something about, one line each. */
export function storageLines({ degraded, lost, unknown, nodes }: StorageReport): string[] {
  return [
    ...lost.map((what) => `LOST: ${what}. ${MADE_AGAIN}`),
    ...unknown.map((what) => `LOST: ${what} is a PersistentVolume that LINSTOR does not know. ${MADE_AGAIN}`),
    ...degraded.map((what) => `${what}. It synchronises by itself; if it does not: linstor resource list --faulty`),
    ...nodes.map((what) => `${what}. Back online it needs nothing; flagged EVACUATE: linstor node restore`),
  ];
}

const MADE_AGAIN = "Make it again from its copy: docs/runbooks/rebuild.md, 'Volumes that are lost'";
