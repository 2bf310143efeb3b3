import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import { seedResources } from '../../lab/linstor/index';
import type { EngineLab, Finished } from './engine-lab';

const run = promisify(execFile);

/** Paths of what was handed out to people. */
export interface Credentials {
  kubeconfig: string;
  talosconfig: string;
}

/** Resolves when every workload runs and the monitor watches. Each life of a cluster arms the monitor once. */
export function armedAgain({ lab: { monitor } }: EngineLab): Promise<void> {
  if (monitor.armed) return Promise.resolve();
  const arm = monitor.arm.bind(monitor);
  return new Promise((resolve) => {
    monitor.arm = (plan) => {
      arm(plan);
      monitor.arm = arm;
      resolve();
    };
  });
}

/** Runs a command that brings the cluster into service. @returns its output. */
export async function inService(engine: EngineLab, ...command: string[]): Promise<string> {
  const armed = armedAgain(engine);
  const { code, output } = await engine.proxOps(...command);
  assert.equal(code, 0, output);
  await armed;
  return output;
}

/** What `pulumi stack output` hands out now, as files. */
export async function handedOut(engine: EngineLab): Promise<Credentials> {
  const files = { kubeconfig: join(engine.project, 'kubeconfig'), talosconfig: join(engine.project, 'talosconfig') };
  for (const [output, file] of Object.entries(files)) {
    const { stdout } = await engine.pulumi(['stack', 'output', output, '--show-secrets']);
    writeFileSync(file, stdout, { mode: 0o600 });
  }
  return files;
}

/** Runs the real kubectl. @returns what it printed. */
export async function kubectl(engine: EngineLab, { kubeconfig }: Credentials, ...args: string[]): Promise<string> {
  const options = { env: engine.lab.processEnvironment() };
  return (await run('kubectl', ['--kubeconfig', kubeconfig, ...args], options)).stdout.trim();
}

/** The real programs see all nodes and all members with these credentials. */
export async function worksWith(engine: EngineLab, credentials: Credentials, nodes: string[]): Promise<void> {
  const found = await kubectl(engine, credentials, 'get', 'nodes', '-o', 'name');
  assert.deepEqual(found.split('\n').sort(), nodes.map((name) => `node/${name}`).sort());
  const { machines } = engine.lab.status();
  const [first] = machines.filter(({ role }) => role === 'controlplane');
  const arguments_ = ['--talosconfig', credentials.talosconfig, 'etcd', 'members', '--nodes', first?.address ?? ''];
  const members = await run('talosctl', arguments_, { env: engine.lab.processEnvironment() });
  for (const name of nodes.filter((node) => node.includes('ctrl'))) assert.match(members.stdout, new RegExp(name));
}

export async function coreApi({ lab }: EngineLab): Promise<CoreV1Api> {
  const config = new KubeConfig();
  config.loadFromString(await lab.parts.kubernetes.adminKubeconfig());
  return config.makeApiClient(CoreV1Api);
}

/**
 * What docs/runbooks/rebuild.md says to do about volumes that are lost, each through LINSTOR's own API: the definition goes,
 * and the volume is made again, filled from its copy.
 */
export async function makeVolumesAgain({ lab }: EngineLab): Promise<string[]> {
  const { linstor } = lab.parts;
  const definitions = [...linstor.model.cluster.definitions.values()];
  const lost = definitions.filter(({ replicas }) => ![...replicas.values()].some(({ disk }) => disk === 'UpToDate'));
  for (const { name } of lost) {
    const url = `${lab.world.network.linstorUrl}/v1/resource-definitions/${name}`;
    const { status } = await fetch(url, { method: 'DELETE' });
    assert.equal(status, 200);
  }
  const specs = lost.map(({ name, volumes }) => {
    const kib = volumes.reduce((sum, { size }) => sum + size, 0);
    return { name, sizeGib: kib / 1024 / 1024, placeCount: 2 as const };
  });
  seedResources(linstor, specs);
  return lost.map(({ name }) => name);
}

/** How long each step of a run took that was about the whole cluster, as its JSON events say. */
export function stagesOf({ stdout }: Finished): { stage: string; ms: number }[] {
  return stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as { type: string; stage?: string; ms?: number })
    .flatMap(({ type, stage = '', ms = 0 }) => (type === 'stage.finished' ? [{ stage, ms }] : []));
}
