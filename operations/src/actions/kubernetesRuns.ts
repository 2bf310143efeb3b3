import { KubernetesUnreachable } from '../clients/kubernetes.js';
import { holds, type Pod } from '../clients/kubernetesObjects.js';
import { messageOf, Stop } from '../runtime/errors.js';
import { WaitTimeout, type Look } from '../runtime/waiting.js';
import { waitFor, watching, type Step } from '../step.js';
import { readNode } from './cordon.js';

const PODS = '/api/v1/pods';
const MIRROR = 'kubernetes.io/config.mirror';
/** The static pods of a control plane, by their images: etcd is a service of Talos and no pod. */
const COMPONENT = /\/(kube-apiserver|kube-controller-manager|kube-scheduler):(v[^@/:]+)/;

/** A component of the control plane as its kubelet shows it. */
interface Component {
  name: string;
  version: string;
  ready: boolean;
}

/** Waits until the node's static pods run that Kubernetes. @throws Stop with those that do not. */
export async function staticPodsRun(step: Step, version: string): Promise<void> {
  const query = { fieldSelector: `spec.nodeName=${step.node.name}` };
  await run(step, `the control plane of ${step.node.name} on Kubernetes ${version}`, PODS, query, async () => {
    const pods = (await step.session.kubernetes.list<Pod>(PODS, query)) ?? [];
    const components = pods.flatMap(componentOf);
    if (!components.some(({ name }) => name === 'kube-apiserver')) return { waiting: 'its API server to be shown' };
    const behind = components.filter((component) => component.version !== version || !component.ready);
    if (behind.length === 0) return { done: undefined };
    const states = behind.map((one) => `${one.name} ${one.version}${one.ready ? '' : ', not ready'}`);
    return { waiting: states.sort().join('; ') };
  });
  step.report(`API server, controller manager and scheduler run ${version}`);
}

function componentOf({ metadata, spec, status }: Pod): Component[] {
  const [, name, version] = COMPONENT.exec(spec?.containers?.[0]?.image ?? '') ?? [];
  if (metadata.annotations?.[MIRROR] === undefined || name === undefined || version === undefined) return [];
  return [{ name, version, ready: holds({ ...(status && { status }) }, 'Ready') }];
}

/** Waits until the node is Ready with a kubelet of that version. @throws Stop with what still was missing. */
export async function kubeletRuns(step: Step, version: string): Promise<void> {
  const query = { fieldSelector: `metadata.name=${step.node.name}` };
  await run(step, `${step.node.name} Ready with kubelet ${version}`, '/api/v1/nodes', query, async () => {
    const node = await readNode(step);
    const found = node?.status?.nodeInfo?.kubeletVersion ?? 'none';
    if (!node || found !== version) return { waiting: `its kubelet ${version} (still ${found})` };
    return holds(node, 'Ready') ? { done: undefined } : { waiting: 'the node to be Ready' };
  });
  step.report(`Ready, kubelet ${version}`);
}

/** A control plane's own API server is away for a moment: that is no answer, and no failure. */
async function run(
  step: Step,
  expected: string,
  path: '/api/v1/pods' | '/api/v1/nodes',
  query: Record<string, string>,
  look: () => Promise<Look<void>>,
): Promise<void> {
  try {
    await waitFor(step, {
      timeout: step.settings.nodeReadyTimeout,
      watch: [watching(step, path, query)],
      look: async () => {
        try {
          return await look();
        } catch (error) {
          if (error instanceof KubernetesUnreachable) return { waiting: messageOf(error) };
          throw error;
        }
      },
    });
  } catch (error) {
    if (!(error instanceof WaitTimeout)) throw error;
    throw new Stop(`${expected} within ${error.seconds} s (nodeReadyTimeout)`, error.waiting);
  }
}
