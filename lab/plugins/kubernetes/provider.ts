import type { Checked, Difference, FunctionCall, Failure, Provider, Resource } from '../protocol/provider.js';
import { scalar, text } from '../protocol/read-value.js';
import { equal, Unknown } from '../protocol/values.js';
import type { PropertyMap, Value } from '../protocol/values.js';
import { Cluster } from './cluster.js';
import { loadKubeconfig } from './kubeconfig.js';
import { ObjectResource } from './resource.js';
import { decodeYaml } from './yaml.js';

/** The settings that say which cluster is meant. */
const CLUSTER_KEYS = ['kubeconfig', 'context', 'cluster'];
const IDENTIFIER = 'clusterIdentifier';

/** The Kubernetes provider, server-side apply only. Configuring it makes no call. */
export class KubernetesProvider implements Provider {
  readonly name = 'kubernetes';
  readonly version = '4.34.1';
  readonly acceptSecrets = true;

  private configured: Cluster | Error = new Error('kubernetes: the provider is not configured');
  private readonly resources = new Map<string, Resource>();

  checkConfig(news: PropertyMap): Checked {
    return { inputs: news, failures: [] };
  }

  /** Another cluster replaces the provider and with it everything in it; other settings only change it. */
  diffConfig(olds: PropertyMap, news: PropertyMap): Difference {
    const keys = new Set([...Object.keys(olds), ...Object.keys(news)]);
    const changed = [...keys].filter((key) => !equal(olds[key], news[key]));
    const unknown = CLUSTER_KEYS.filter((key) => news[key] instanceof Unknown);
    // With an identity given, that alone says which cluster it is.
    const named = olds[IDENTIFIER] !== undefined && news[IDENTIFIER] !== undefined;
    if (named) {
      const other = !equal(olds[IDENTIFIER], news[IDENTIFIER]);
      return { changes: new Map(), plainKeys: changed, replaces: other ? [IDENTIFIER] : [] };
    }
    const moved =
      unknown.length > 0 || sameServer(olds, news) ? unknown : CLUSTER_KEYS.filter((key) => changed.includes(key));
    return { changes: new Map(), plainKeys: changed, replaces: moved };
  }

  configure(config: PropertyMap): void {
    if (setting(config, 'enableServerSideApply', 'PULUMI_K8S_ENABLE_SERVER_SIDE_APPLY') === 'false') {
      throw new Error("kubernetes: the lab's plugin knows server-side apply only; remove enableServerSideApply: false");
    }
    if (setting(config, 'renderYamlToDirectory', '') !== '') {
      throw new Error("kubernetes: the lab's plugin does not render YAML; remove renderYamlToDirectory");
    }
    try {
      this.configured = connect(config);
    } catch (error) {
      // As in the real provider a cluster that cannot be had is no error until a resource needs it.
      this.configured = error as Error;
    }
  }

  /** Any kind: kubernetes:core/v1:Namespace, kubernetes:apps/v1:Deployment, kubernetes:example.com/v1:Widget. */
  resource(type: string): Resource | undefined {
    const known = this.resources.get(type);
    if (known) return known;
    const [, version = '', kind = ''] = type.split(':');
    if (!/^[^/]+\/v\w+$/.test(version) || kind === '') return undefined;
    const resource = new ObjectResource({ apiVersion: version.replace(/^core\//, ''), kind }, () => this.cluster());
    this.resources.set(type, resource);
    return resource;
  }

  function(token: string): ((call: FunctionCall) => Promise<PropertyMap | Failure[]>) | undefined {
    if (token !== 'kubernetes:yaml:decode') return undefined;
    return ({ args }) => {
      const namespace = text(args['defaultNamespace']);
      return decodeYaml(text(args['text']), namespace, namespace === '' ? undefined : this.cluster().discovery);
    };
  }

  schema(): object {
    return { name: this.name, version: this.version, resources: {}, functions: {} };
  }

  private cluster(): Cluster {
    if (this.configured instanceof Cluster) return this.configured;
    throw new Error(`configured Kubernetes cluster is unreachable: ${this.configured.message}`);
  }
}

function connect(config: PropertyMap): Cluster {
  const access = loadKubeconfig(text(config['kubeconfig']), {
    context: text(config['context']),
    cluster: text(config['cluster']),
  });
  const isOn = (name: string, variable: string): boolean => setting(config, name, variable) === 'true';
  return new Cluster({
    access,
    namespace: text(config['namespace']),
    mutable: {
      secrets: isOn('enableSecretMutable', 'PULUMI_K8S_ENABLE_SECRET_MUTABLE'),
      configMaps: isOn('enableConfigMapMutable', 'PULUMI_K8S_ENABLE_CONFIGMAP_MUTABLE'),
    },
    patchForce: isOn('enablePatchForce', 'PULUMI_K8S_ENABLE_PATCH_FORCE'),
    deleteUnreachable: isOn('deleteUnreachable', 'PULUMI_K8S_DELETE_UNREACHABLE'),
    skipUpdateUnreachable: isOn('skipUpdateUnreachable', 'PULUMI_K8S_SKIP_UPDATE_UNREACHABLE'),
    upsertExistingObjects: isOn('upsertExistingObjects', 'PULUMI_K8S_UPSERT_EXISTING_OBJECTS'),
  });
}

function setting(config: PropertyMap, name: string, variable: string): string {
  const value: Value | undefined = config[name];
  return value === undefined || value === null ? (process.env[variable] ?? '') : scalar(value);
}

/** A kubeconfig has no identity of its own: two are taken for the same cluster when their server and CA are. */
function sameServer(olds: PropertyMap, news: PropertyMap): boolean {
  const identity = (config: PropertyMap): string | undefined => {
    try {
      const choice = { context: text(config['context']), cluster: text(config['cluster']) };
      const { server, ca } = loadKubeconfig(text(config['kubeconfig']), choice);
      return `${server} ${ca}`;
    } catch {
      return undefined;
    }
  };
  const [before, after] = [identity(olds), identity(news)];
  return before === undefined || after === undefined || before === after;
}
