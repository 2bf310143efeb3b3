import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError, Connection } from '../connection.js';
import { applications } from './applications.js';
import { shapeOf, type WorkloadNode } from './cluster-shape.js';
import { gpuWorkloads } from './gpu.js';
import type { Manifest } from './manifest.js';
import { ingress } from './ingress.js';
import {
  attachments,
  customObjects,
  customResourceDefinitions,
  CUSTOM_KINDS,
  operatorWorkloads,
  type CustomObject,
} from './operators.js';
import { storageWorkloads } from './storage.js';
import { systemWorkloads } from './system.js';

/** Plural names of the built-in kinds that are used. */
const PLURALS: Record<string, string> = {
  CSIDriver: 'csidrivers',
  CustomResourceDefinition: 'customresourcedefinitions',
  DaemonSet: 'daemonsets',
  Deployment: 'deployments',
  Ingress: 'ingresses',
  Namespace: 'namespaces',
  PersistentVolume: 'persistentvolumes',
  PersistentVolumeClaim: 'persistentvolumeclaims',
  Pod: 'pods',
  PodDisruptionBudget: 'poddisruptionbudgets',
  Service: 'services',
  StatefulSet: 'statefulsets',
  StorageClass: 'storageclasses',
};

/** A new namespace has no service account for a moment, and a new kind is served a moment after its definition. */
const PATIENCE = 30_000;
const PAUSE = 100;

/**
 * Puts the workloads of a real cluster into it, sized for these nodes; what is there already is brought to that state.
 * Returns when everything is accepted; `workloadsSettled` waits until it runs.
 * @throws ApiError when the API server refuses something for good.
 */
export async function applyWorkloads(
  kubeconfig: string,
  nodes: readonly WorkloadNode[],
  outside: { address: string; port: number },
): Promise<void> {
  const connection = new Connection(kubeconfig);
  try {
    const manifests = workloadManifests(nodes);
    const first = ['Namespace', 'CustomResourceDefinition', 'CSIDriver', 'StorageClass', 'PersistentVolume'];
    await applyAll(
      connection,
      manifests.filter(({ kind }) => first.includes(kind)),
    );
    await applyAll(
      connection,
      manifests.filter(({ kind }) => !first.includes(kind)),
    );
    await applyAll(connection, attachments());
    const withStatus = [...customObjects(new Date()), ingress(outside)];
    await Promise.all(withStatus.map((custom) => applyCustom(connection, custom)));
  } finally {
    connection.close();
  }
}

/** All built-in objects of the workloads. */
export function workloadManifests(nodes: readonly WorkloadNode[]): Manifest[] {
  const shape = shapeOf(nodes);
  return [
    ...customResourceDefinitions(),
    ...systemWorkloads(shape),
    ...storageWorkloads(shape),
    ...applications(shape),
    ...gpuWorkloads(shape),
    ...operatorWorkloads(),
  ];
}

async function applyAll(connection: Connection, manifests: Manifest[]): Promise<void> {
  await Promise.all(manifests.map((manifest) => apply(connection, manifest)));
}

async function applyCustom(connection: Connection, { object, status }: CustomObject): Promise<void> {
  const { metadata } = await apply<{ metadata: { generation?: number } }>(connection, object);
  const observedGeneration = metadata.generation ?? 1;
  const { conditions } = status;
  const observed = (conditions as object[] | undefined)?.map((condition) => ({ ...condition, observedGeneration }));
  const further = observed && { conditions: observed, observedGeneration };
  await connection.patch(`${pathOf(object)}/status`, 'merge', { status: { ...status, ...further } });
}

async function apply<T>(connection: Connection, manifest: Manifest): Promise<T> {
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    try {
      return await connection.patch<T>(`${pathOf(manifest)}?fieldManager=flux&force=true`, 'apply', manifest);
    } catch (error) {
      if (!isTooEarly(error) || Date.now() > deadline) throw error;
      await sleep(PAUSE);
    }
  }
}

function isTooEarly(error: unknown): boolean {
  return (
    error instanceof ApiError &&
    (error.status === 404 || (error.status === 403 && /serviceaccount/.test(error.message)))
  );
}

function pathOf({ apiVersion, kind, metadata }: Manifest): string {
  const root = apiVersion === 'v1' ? '/api/v1' : `/apis/${apiVersion}`;
  const custom = CUSTOM_KINDS.find((known) => `${known.group}/${known.version}` === apiVersion && known.kind === kind);
  const plural = custom?.plural ?? PLURALS[kind];
  if (plural === undefined) throw new Error(`workloads: expected a known kind, found ${apiVersion} ${kind}`);
  const scope = metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`;
  return `${root}${scope}/${plural}/${metadata.name}`;
}
