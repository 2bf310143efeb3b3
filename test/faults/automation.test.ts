import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import Ajv from 'ajv';
import { parseDocument } from 'yaml';
import { Connection } from '../../lab/kubernetes/connection';
import { AUTOMATION } from '../components/support/automation';
import { definitions, eventsSchema } from '../support/definitions';
import { writeKubeconfigOf } from '../support/driver-identity';
import { EngineLab } from '../support/engine-lab';
import { REPOSITORY } from '../support/stack-files';
import { holds } from '../support/verdict';
import { until } from '../lab/kubernetes/support';

const CONTROL_PLANES = ['k8s-ctrl-1', 'k8s-ctrl-2', 'k8s-ctrl-3'];
const WORKERS = ['k8s-work-1', 'k8s-work-2', 'k8s-work-3'];
const LABEL = 'prox-ops.io/awaits-turn';
const ARGO = '/apis/argoproj.io/v1alpha1/namespaces/argo';
const APPS = '/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations/apps';

interface Meta {
  name: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}

interface Kube {
  metadata: Meta;
  spec?: Record<string, unknown>;
  data?: Record<string, string>;
  status?: { conditions?: { type: string; status: string; reason: string }[]; disruptionsAllowed?: number };
}

/** R004-FR3, R000-8: what starts and drives rollouts in the cluster, on the real API server and engine. */
describe('automation in the cluster', () => {
  let engine: EngineLab;
  let api: Connection;
  let folder: string;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'prox-ops-automation-'));
    engine = await EngineLab.start({
      base: 153,
      nodes: [...CONTROL_PLANES, ...WORKERS],
      rollout: { healthPasses: 1, suspendFlux: ['apps'], strategy: 'replace' },
      linstor: { placeCount: 1 },
    });
    const up = await engine.proxOps('up');
    assert.equal(up.code, 0, up.output);
    await engine.lab.armed();
    api = new Connection(await engine.lab.parts.kubernetes.adminKubeconfig());
    for (const definition of await definitions())
      await api.create('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', definition);
    await established();
    await api.create('/api/v1/namespaces', { metadata: { name: 'argo' } });
  });

  after(async () => {
    api?.close();
    await engine?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function established(): Promise<void> {
    const owned = /\.(actions\.github\.com|argoproj\.io|external-secrets\.io)$/;
    await until<Kube>(api, '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', (all) =>
      all
        .filter(({ metadata }) => owned.test(metadata.name))
        .every(({ status }) =>
          (status?.conditions ?? []).some(({ type, status }) => type === 'Established' && status === 'True'),
        ),
    );
  }

  const node = (name: string) => api.get<Kube>(`/api/v1/nodes/${name}`);

  async function condition(): Promise<string> {
    const { status } = await api.get<Kube>('/api/v1/namespaces/prox-ops');
    const found = status?.conditions?.find(({ type }) => type === 'RolloutInProgress');
    return `${found?.status} ${found?.reason}`;
  }

  async function suspended(): Promise<[unknown, string | undefined]> {
    const { spec, metadata } = await api.get<Kube>(APPS);
    return [spec?.suspend, metadata.annotations?.['prox-ops.io/suspended-by']];
  }

  it('is applied once the stack file says so, and a second look finds no difference', async () => {
    const document = parseDocument(readFileSync(engine.stackFile, 'utf8'));
    document.setIn(['config', 'prox-ops:automation'], document.createNode(AUTOMATION));
    writeFileSync(engine.stackFile, document.toString({ lineWidth: 0 }));
    const up = await engine.proxOps('up');
    assert.equal(up.code, 0, up.output);
    const preview = await engine.pulumi(['preview', '--refresh', '--expect-no-changes']);
    assert.equal(preview.code, 0, preview.output);
  });

  it('the API server finds no field in it that the real definitions do not have', async () => {
    const collections = [
      `${ARGO}/workflowtemplates/prox-ops-rollout`,
      `${ARGO}/eventsources/prox-ops-releases`,
      `${ARGO}/sensors/prox-ops-rollout`,
      '/apis/actions.github.com/v1alpha1/namespaces/github-actions/autoscalingrunnersets/prox-ops',
      '/apis/external-secrets.io/v1/namespaces/github-actions/externalsecrets/prox-ops-github-app',
      '/apis/external-secrets.io/v1/namespaces/argo/externalsecrets/prox-ops-driver',
      '/apis/apps/v1/namespaces/github-actions/deployments/arc-controller',
      '/apis/policy/v1/namespaces/github-actions/poddisruptionbudgets/prox-ops-runners',
      '/apis/networking.k8s.io/v1/namespaces/github-actions/networkpolicies/default',
    ];
    const made = await state();
    for (const path of collections) {
      const live = await api.get<Kube>(path);
      const name = path.split('/').at(-1);
      const inputs = made.filter((one) => one.metadata?.name === name && kindIn(path, one.kind));
      assert.equal(inputs.length, 1, path);
      const query = '?dryRun=All&fieldValidation=Strict';
      const sent = { ...inputs[0], metadata: { ...inputs[0]?.metadata, resourceVersion: undefined } };
      await api.patch(`${path}${query}`, 'merge', sent);
      await assert
        .rejects(api.patch(`${path}${query}`, 'merge', { spec: { noSuchField: 1 } }), /noSuchField/, path)
        .catch((error: unknown) => {
          // Argo Events' definitions take everything: its JSON Schema is asked below.
          if (!/eventsources|sensors/.test(path)) throw error;
        });
      assert.ok(live.spec, path);
    }
  });

  it('Argo Events’ own schema takes the event source and the sensor', async () => {
    const schema = await eventsSchema();
    for (const [kind, path] of [
      ['EventSource', 'eventsources/prox-ops-releases'],
      ['Sensor', 'sensors/prox-ops-rollout'],
    ] as const) {
      const ajv = new Ajv({ schemaId: 'auto', unknownFormats: 'ignore', logger: false });
      ajv.addSchema({ $id: 'events', definitions: closed(schema.definitions) });
      const validate = ajv.getSchema(`events#/definitions/io.argoproj.events.v1alpha1.${kind}Spec`);
      const { spec } = await api.get<Kube>(`${ARGO}/${path}`);
      assert.equal(validate?.(spec), true, JSON.stringify(validate?.errors));
      assert.equal(validate?.({ ...spec, noSuchField: 1 }), false);
    }
  });

  describe('the runners’ budget, by the real disruption controller', () => {
    const PODS = '/api/v1/namespaces/github-actions/pods';
    const BUDGETS = '/apis/policy/v1/namespaces/github-actions/poddisruptionbudgets';
    const RUNNERS = '/apis/actions.github.com/v1alpha1/namespaces/github-actions/ephemeralrunners';
    const labels = { 'actions.github.com/scale-set-name': 'prox-ops', 'app.kubernetes.io/component': 'runner' };
    const security = { allowPrivilegeEscalation: false, runAsNonRoot: true, capabilities: { drop: ['ALL'] } };

    /** As ARC makes it: owned by an object that has no scale. */
    async function runner(name: string, on: string): Promise<void> {
      const spec = { githubConfigUrl: 'https://git.example.net/a', githubConfigSecret: 's', runnerScaleSetId: 1 };
      const body = { apiVersion: 'actions.github.com/v1alpha1', kind: 'EphemeralRunner', metadata: { name }, spec };
      const owner = await api.create<{ metadata: { uid: string } }>(RUNNERS, body);
      const reference = {
        apiVersion: body.apiVersion,
        kind: body.kind,
        name,
        uid: owner.metadata.uid,
        controller: true,
      };
      await api.create(PODS, {
        metadata: { name, labels, ownerReferences: [reference] },
        spec: {
          nodeName: on,
          automountServiceAccountToken: false,
          securityContext: { runAsUser: 1001, seccompProfile: { type: 'RuntimeDefault' } },
          containers: [{ name: 'runner', image: 'example.net/runner:1', securityContext: security }],
        },
      });
    }

    const allowed = (name: string, fits: (budget: Kube) => boolean) =>
      until<Kube>(api, BUDGETS, (all) => all.some((budget) => budget.metadata.name === name && fits(budget)));

    it('lets one of two go, and a budget of any other form would let none go', async () => {
      await runner('runner-1', 'k8s-work-1');
      await runner('runner-2', 'k8s-work-2');
      await allowed('prox-ops-runners', ({ status }) => status?.disruptionsAllowed === 1);
      await api.create(BUDGETS, {
        metadata: { name: 'other-form' },
        spec: { maxUnavailable: 1, selector: { matchLabels: labels } },
      });
      const failed = ({ status }: Kube) =>
        (status?.conditions ?? []).some(({ type, reason }) => type === 'DisruptionAllowed' && reason === 'SyncFailed');
      await allowed('other-form', failed);
      await api.delete(`${BUDGETS}/other-form`);
    });

    after(async () => {
      for (const name of ['runner-1', 'runner-2']) {
        await api.delete(`${PODS}/${name}`, { gracePeriodSeconds: 0 });
        await api.delete(`${RUNNERS}/${name}`);
      }
    });
  });

  it('R000-8 the workflow’s own command replaces the control planes, as its service account', async () => {
    const released = await engine.proxOps('release', 'v1.12.4');
    assert.equal(released.code, 0, released.output);
    const { command, args } = await workflowCommand({ role: 'controlplane' }, join(folder, 'first'));
    const finished = await run(command, args, 'k8s-work-1');
    assert.equal(finished.code, 0, finished.output);
    assert.match(readFileSync(join(folder, 'first', 'summary.txt'), 'utf8'), /k8s-ctrl-3/);
    assert.equal(await condition(), 'False Done');
  });

  it('a run that comes to its own node stops before it, and goes on from a node that has finished', async () => {
    const { command, args } = await workflowCommand({ role: 'worker' }, join(folder, 'second'));
    const first = await run(command, args, 'k8s-work-1');
    assert.equal(first.code, 6, first.output);
    assert.match(first.output, /stopped before k8s-work-1, on which this run itself runs/);
    assert.ok((await node('k8s-work-1')).metadata.labels?.[LABEL]);
    assert.equal(await condition(), 'True HandedOver');
    const [held, by] = await suspended();
    assert.equal(held, true);
    assert.ok(by);
    await nodeHasRelease('k8s-work-2', 'v1.12.4');
    await nodeHasRelease('k8s-work-1', 'v1.11.3');

    const again = await run(...(await commandIn('third')), 'k8s-work-1');
    assert.equal(again.code, 2, again.output);
    assert.match(again.output, /expected this run on another node/);
  });

  it('what a run held that ended badly is found by the next one, which lets go of it', async () => {
    const [held] = await suspended();
    const kept = (await node('k8s-work-1')).metadata.labels?.[LABEL];
    // The run before this one was told to go elsewhere, and let go of everybody at its end.
    assert.deepEqual([held, kept], [undefined, undefined]);
    await api.patch(APPS, 'merge', {
      metadata: { annotations: { 'prox-ops.io/suspended-by': 'a-run-that-crashed' } },
      spec: { suspend: true },
    });
    const last = await run(...(await commandIn('fourth')), 'k8s-work-2');
    assert.equal(last.code, 0, last.output);
    await nodeHasRelease('k8s-work-1', 'v1.12.4');
    assert.deepEqual(await suspended(), [undefined, undefined]);
    assert.equal(await condition(), 'False Done');
  });

  it('Flux is told of the release once every node runs it', async () => {
    const { data } = await api.get<Kube>('/api/v1/namespaces/flux-system/configmaps/prox-ops-cluster');
    assert.deepEqual([data?.TALOS_VERSION, data?.CLUSTER_NODES_COUNT], ['v1.12.4', '6']);
  });

  it('the safety monitor has nothing against any of it', async () => {
    await holds(engine);
  });

  async function nodeHasRelease(name: string, release: string): Promise<void> {
    const { status } = await api.get<{ status: { nodeInfo: { osImage: string } } }>(`/api/v1/nodes/${name}`);
    assert.match(status.nodeInfo.osImage, new RegExp(release.replaceAll('.', '\\.')), name);
  }

  async function commandIn(name: string): Promise<[string[], string[]]> {
    const { command, args } = await workflowCommand({ role: 'worker' }, join(folder, name));
    return [command, args];
  }

  /** What Argo would start: the template's command, with its parameters filled in and its folders moved below ours. */
  async function workflowCommand(inputs: Record<string, string>, work: string) {
    const { spec } = await api.get<Kube>(`${ARGO}/workflowtemplates/prox-ops-rollout`);
    const { arguments: given, templates } = spec as unknown as {
      arguments: { parameters: { name: string; value: string }[] };
      templates: { name: string; container: { command: string[]; args: string[] } }[];
    };
    const values = Object.fromEntries([
      ...given.parameters.map(({ name, value }) => [`workflow.parameters.${name}`, value]),
      ...Object.entries(inputs).map(([name, value]) => [`inputs.parameters.${name}`, value]),
      ['workflow.name', 'prox-ops-rollout-test'],
    ]) as Record<string, string>;
    const filled = (text: string) =>
      text
        .replace(/\{\{([^}]+)\}\}/g, (_, name: string) => values[name] ?? assert.fail(`no value of ${name}`))
        .replace(/^\/work(?=\/)/, work)
        // The lab's stack has another name than the production one.
        .replace(/^prod$/, 'lab');
    const { container } = templates.find(({ name }) => name === 'roll')!;
    mkdirSync(work);
    await promisify(execFile)('cp', ['-r', engine.project, join(work, 'checkout')]);
    return { command: container.command.map(filled), args: container.args.map(filled) };
  }

  async function run(command: string[], args: string[], on: string) {
    const kubeconfig = join(folder, 'rollout.kubeconfig');
    await writeKubeconfigOf(engine, { namespace: 'argo', name: 'prox-ops-rollout' }, kubeconfig);
    const programs = join(REPOSITORY, 'driver/bin');
    const bin = join(folder, 'bin');
    mkdirSync(bin, { recursive: true });
    writeFileSync(join(bin, 'prox-ops'), `#!/bin/sh\nexec node ${programs}/prox-ops.js "$@"\n`, { mode: 0o755 });
    const path = [bin, programs, engine.lab.processEnvironment().PATH].join(':');
    const environment = { PROX_OPS_KUBECONFIG: kubeconfig, PROX_OPS_NODE_NAME: on, PATH: path };
    const [program = '', ...given] = command;
    return engine.runWith(environment, program, ...given, ...args);
  }

  /** What the program described, as the provider has it. */
  async function state(): Promise<{ kind: string; metadata?: Meta; spec?: object }[]> {
    const exported = await engine.pulumi(['stack', 'export']);
    const { deployment } = JSON.parse(exported.stdout) as {
      deployment: { resources: { type: string; inputs?: { kind: string; metadata?: Meta } }[] };
    };
    return deployment.resources.flatMap(({ type, inputs }) =>
      type.startsWith('kubernetes:') && inputs ? [inputs] : [],
    );
  }

  /** Plural of a kind, as far as they come here. */
  const kindIn = (path: string, kind: string) =>
    path.split('/').at(-2) === `${kind.toLowerCase()}s`.replace(/ys$/, 'ies');
});

/** The schema takes unknown fields unless it is told not to. */
function closed(schemas: Record<string, object>): Record<string, object> {
  return Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => {
      const own = name.startsWith('io.argoproj.events') && 'properties' in schema;
      const resolved = JSON.parse(
        JSON.stringify(schema).replaceAll('"#/definitions/', '"events#/definitions/'),
      ) as object;
      return [name, own ? { ...resolved, additionalProperties: false } : resolved];
    }),
  );
}
