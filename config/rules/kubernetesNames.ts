import { Problem } from '../problem';
import { nodesOf, rule, type Rule } from './rule';

const NAME = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const PREFIX = /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

/** Labels of Kubernetes' own domains that its NodeRestriction lets a worker give itself. */
const ALLOWED = [
  'kubernetes.io/hostname',
  'kubernetes.io/arch',
  'kubernetes.io/os',
  'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region',
];
const ALLOWED_PREFIX = /^(node|kubelet)\.kubernetes\.io\//;
const RESERVED_PREFIX = /^([a-z0-9.-]+\.)?(kubernetes|k8s)\.io\//;

/** Labels and taints that Kubernetes takes. It refuses others only when the node is there. */
export const LABEL_RULES: Rule[] = [
  rule(['nodes'], (config) =>
    nodesOf(config).flatMap(([name, node]) =>
      Object.entries(node.labels).flatMap(([key, value]) => {
        const at = ['nodes', name, 'labels', key];
        if (!isQualifiedName(key)) return [new Problem(at, KEY, key)];
        if (value !== '' && !NAME.test(value)) return [new Problem(at, VALUE, `"${value}"`)];
        return [];
      }),
    ),
  ),

  rule(['nodes'], (config) =>
    nodesOf(config)
      .filter(([, { role }]) => role === 'worker')
      .flatMap(([name, { labels }]) =>
        Object.keys(labels)
          .filter((key) => RESERVED_PREFIX.test(key) && !ALLOWED.includes(key) && !ALLOWED_PREFIX.test(key))
          .map((key) => {
            const expected = 'a label that a worker may give itself (NodeRestriction)';
            return new Problem(['nodes', name, 'labels', key], expected, key);
          }),
      ),
  ),

  rule(['nodes'], (config) =>
    nodesOf(config).flatMap(([name, node]) =>
      Object.entries(node.taints).flatMap(([key, taint]) => {
        const at = ['nodes', name, 'taints', key];
        if (!isQualifiedName(key)) return [new Problem(at, KEY, key)];
        const [, value = '', effect = ''] = /^(.*?):?([^:]*)$/.exec(taint) ?? [];
        if (!EFFECTS.includes(effect))
          return [new Problem(at, `value:Effect with one of ${EFFECTS.join(', ')}`, taint)];
        return value === '' || NAME.test(value) ? [] : [new Problem(at, VALUE, `"${value}"`)];
      }),
    ),
  ),
];

const KEY = 'a Kubernetes name (letters, digits, -_. up to 63, after an optional domain and /)';
const VALUE = 'a Kubernetes label value (letters, digits, -_. up to 63)';

function isQualifiedName(key: string): boolean {
  const parts = key.split('/');
  if (parts.length > 2) return false;
  const [name = '', prefix] = parts.reverse();
  return NAME.test(name) && (prefix === undefined || PREFIX.test(prefix));
}
