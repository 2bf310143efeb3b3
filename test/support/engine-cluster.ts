import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import { parseDocument, type Document } from 'yaml';
import type { Phase } from '../../driver/phases';
import type { EngineLab, Finished } from './engine-lab';

/** Ids of the nodes' VMs as they are now; a replaced VM has another generation. */
export function generations({ lab }: EngineLab): Record<string, number> {
  const vms = lab.status().vms.filter((vm) => !vm.template);
  return Object.fromEntries(vms.map((vm) => [vm.name, lab.parts.proxmox.hardware(vm.vmid)?.generation ?? 0]));
}

/** Talos release that each machine runs. */
export function talosVersions({ lab }: EngineLab): Record<string, string> {
  return Object.fromEntries(lab.status().machines.map((machine) => [machine.node, machine.talos]));
}

/** Makes a Talos release the one to run, as a person would. */
export async function release(engine: EngineLab, talos: string): Promise<void> {
  const changed = await engine.proxOps('release', talos);
  assert.equal(changed.code, 0, changed.output);
}

/** Edits the stack file as a person would; `edit` gets the document and the path of the nodes. */
export function editStack({ stackFile }: EngineLab, edit: (document: Document, nodes: string[]) => void): void {
  const document = parseDocument(readFileSync(stackFile, 'utf8'));
  edit(document, ['config', 'prox-ops:nodes']);
  writeFileSync(stackFile, document.toString({ lineWidth: 0 }));
}

export async function cordoned(engine: EngineLab, node: string): Promise<boolean> {
  const found = await (await coreApi(engine)).readNode({ name: node });
  return found.spec?.unschedulable === true;
}

/** Names of all nodes that the API server knows, sorted. */
export async function registered(engine: EngineLab): Promise<string[]> {
  const { items } = await (await coreApi(engine)).listNode();
  return items.flatMap(({ metadata }) => metadata?.name ?? []).sort();
}

/** Names of the nodes that pods of a workload run on. */
export async function nodesOf(engine: EngineLab, namespace: string, workload: string): Promise<string[]> {
  const labelSelector = `app.kubernetes.io/name=${workload}`;
  const { items } = await (await coreApi(engine)).listNamespacedPod({ namespace, labelSelector });
  return items.flatMap(({ spec }) => spec?.nodeName ?? []).sort();
}

/** A pod that nothing makes again, on that node. */
export async function runPod(engine: EngineLab, name: string, node: string): Promise<void> {
  const containers = [{ name, image: 'docker.io/library/busybox:1.37' }];
  const spec = { nodeName: node, containers };
  await (await coreApi(engine)).createNamespacedPod({ namespace: 'default', body: { metadata: { name }, spec } });
}

async function coreApi({ lab }: EngineLab): Promise<CoreV1Api> {
  const config = new KubeConfig();
  config.loadFromString(await lab.parts.kubernetes.adminKubeconfig());
  return config.makeApiClient(CoreV1Api);
}

/** Resolves when the child has written something that fits; fails when it ends without. */
export async function seen(child: ChildProcess, pattern: RegExp): Promise<void> {
  let text = '';
  const ended = once(child, 'close').then(() => assert.fail(`ended without ${String(pattern)}:\n${text}`));
  while (!pattern.test(text)) {
    assert.ok(child.stdout);
    const [chunk] = (await Promise.race([once(child.stdout, 'data'), ended])) as [Buffer];
    text += chunk.toString();
  }
}

/** Begins a roll of one node and resolves at its step: the driver, and how it ends. */
export async function rollAt(
  engine: EngineLab,
  node: string,
  phase: Phase,
): Promise<{ driver: ChildProcess; finished: Promise<Finished> }> {
  const driver = engine.begin('roll', '--yes', '--json', '--nodes', node);
  const finished = engine.finished(driver);
  await seen(driver, new RegExp(`"phase\\.started","node":"${node}","phase":"${phase}"`));
  return { driver, finished };
}

/** Ends a process and everything it started with SIGKILL, as a power cut would: nothing gets to finish its step. */
export function powerCut(child: ChildProcess): void {
  assert.ok(child.pid);
  const family = [child.pid];
  const parents = parentsOfAll();
  for (const pid of family) family.push(...parents.filter(([, parent]) => parent === pid).map(([own]) => own));
  for (const pid of family.reverse()) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // Ended meanwhile.
    }
  }
}

/** Command lines of the hosts of dynamic providers that this lab's engines started and that live. */
export function providerHosts({ lab }: EngineLab): string[] {
  const home = `PULUMI_HOME=${lab.processEnvironment()['PULUMI_HOME'] ?? ''}`;
  return parentsOfAll().flatMap(([pid]) => {
    try {
      const [environment, command] = ['environ', 'cmdline'].map((file) =>
        readFileSync(`/proc/${pid}/${file}`, 'utf8').split('\0'),
      );
      const ours =
        environment?.includes(home) && command?.some((word) => word.endsWith('pulumi-resource-pulumi-nodejs'));
      return ours ? [`${pid}: ${command?.join(' ')}`] : [];
    } catch {
      // Ended meanwhile.
      return [];
    }
  });
}

/** Every process with its parent. */
function parentsOfAll(): [pid: number, parent: number][] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name): [number, number][] => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        return [[Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])]];
      } catch {
        return [];
      }
    });
}
