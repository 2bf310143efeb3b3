/** A Kubernetes node as far as its availability goes. */
export interface NodeStatus {
  ready: boolean;
  /** spec.unschedulable */
  cordoned: boolean;
}

/** A PodDisruptionBudget as its controller last reported it. */
export interface BudgetStatus {
  namespace: string;
  name: string;
  selector: LabelSelector;
  currentHealthy: number;
  desiredHealthy: number;
}

export interface LabelSelector {
  matchLabels?: Record<string, string>;
  matchExpressions?: { key: string; operator: string; values?: string[] }[];
}

/** What the monitor is told by Kubernetes' own watches; `undefined` says that the object is gone. */
export interface KubernetesSink {
  node(name: string, status: NodeStatus | undefined): void;
  budget(key: string, status: BudgetStatus | undefined): void;
  /** `key` is NAMESPACE/NAME. */
  pod(key: string, labels: Record<string, string> | undefined): void;
}

/** The Kubernetes API as the monitor sees it. */
export interface KubernetesSource {
  /** Begins to watch; what exists already is told first. */
  start(sink: KubernetesSink): void;
  /** One consistent read, later than everything the watches have told. @throws when the API does not answer. */
  readNode(name: string): Promise<NodeStatus | undefined>;
  stop(): void;
}

/** Whether labels fit a selector, by Kubernetes' rules; an empty selector fits everything. */
export function selects(selector: LabelSelector, labels: Record<string, string>): boolean {
  const equal = Object.entries(selector.matchLabels ?? {}).every(([key, value]) => labels[key] === value);
  return equal && (selector.matchExpressions ?? []).every((expression) => fits(expression, labels[expression.key]));
}

function fits({ operator, values = [] }: { operator: string; values?: string[] }, value: string | undefined): boolean {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    default:
      return false;
  }
}
