import { skipped, type Check } from './check.js';

export const networkCheck: Check = {
  id: 'network',
  describe: 'a pod resolves the API by name, and reaches it through the service network and a pod on another node',
  how: 'Kubernetes: a Job of its own on one node (label prox-ops.io/probe), removed afterwards',
  run: (ctx) => {
    if (ctx.settings.probeImage === undefined) return Promise.resolve(skipped('switched off (rollout.networkProbe)'));
    if (!ctx.probe) return Promise.resolve(skipped('this command makes no Job in the cluster'));
    return ctx.probe.look(ctx);
  },
};
