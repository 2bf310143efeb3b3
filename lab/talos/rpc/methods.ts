import type { Methods } from './call.js';
import { configurationMethods } from './configuration.js';
import { etcdMethods } from './etcd.js';
import { healthMethods } from './health.js';
import { kubeconfigMethods } from './kubeconfig.js';
import { lifecycleMethods } from './lifecycle.js';
import { powerMethods } from './power.js';
import { stateMethods } from './state.js';
import { systemMethods } from './system.js';
import { timeMethods } from './time.js';

const ALL = [
  systemMethods,
  configurationMethods,
  powerMethods,
  lifecycleMethods,
  etcdMethods,
  kubeconfigMethods,
  stateMethods,
  healthMethods,
  timeMethods,
];

/** Everything a machine answers. */
export const METHODS: Methods = {
  unary: Object.assign({}, ...ALL.map(({ unary }) => unary)) as Methods['unary'],
  streaming: Object.assign({}, ...ALL.map(({ streaming }) => streaming)) as Methods['streaming'],
};
