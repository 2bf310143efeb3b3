import type { ResourceValidation, ResourceValidationPolicy, StackValidationPolicy } from '@pulumi/policy';
import * as capacity from './capacity';
import * as controlPlanes from './controlPlanes';
import * as gpu from './gpu';
import * as guards from './guards';
import * as kubernetes from './kubernetes';
import * as lifecycleChain from './lifecycleChain';
import * as naming from './naming';
import * as nodeIdentity from './nodeIdentity';
import * as nodeVms from './nodeVms';
import * as pinning from './pinning';
import * as plaintext from './plaintext';
import * as proxmoxAccess from './proxmoxAccess';
import * as stateBucket from './stateBucket';
import * as storage from './storage';
import * as talosSecrets from './talosSecrets';
import * as templates from './templates';
import * as versions from './versions';

export type AnyPolicy = ResourceValidationPolicy | StackValidationPolicy;

/** Every topic's policies: whatever a topic's file exports. */
export const TOPICS: Record<string, Record<string, AnyPolicy>> = {
  talosSecrets,
  stateBucket,
  controlPlanes,
  nodeIdentity,
  lifecycleChain,
  guards,
  templates,
  gpu,
  storage,
  nodeVms,
  pinning,
  versions,
  plaintext,
  proxmoxAccess,
  kubernetes,
  naming,
  capacity,
};

export const POLICIES: AnyPolicy[] = Object.values(TOPICS).flatMap((topic) => Object.values(topic));

/**
 * What an update that targets a few resources is judged by: the program may describe a part of the stack only
 * (config/narrowing.ts), where counting control planes or looking for a template would tell nonsense either way. The
 * preview of everything that comes before such an update is judged by all policies.
 * @param noNode whether no node is a target, as of the update that makes templates.
 */
export function policiesFor(targeted: boolean, noNode = false): AnyPolicy[] {
  if (!targeted) return POLICIES;
  // Kept by name: the engine takes a configured policy that the pack does not have for a mistake.
  return POLICIES.map((policy) =>
    'validateStack' in policy
      ? {
          ...policy,
          validateStack: (stack) => stack.notApplicable('a targeted update describes a part of the stack'),
        }
      : noNode && policy === versions.nodeVersionsAgree
        ? withoutTargets(policy)
        : whereDescribed(policy),
  );
}

/**
 * The engine tells of a node that is no target as it is in the state. After a turn that failed half way that is its new
 * VM beside what is left of its old gate, and no reason not to make the templates of a release that may mend it.
 */
function withoutTargets(policy: ResourceValidationPolicy): ResourceValidationPolicy {
  return { ...policy, validateResource: (resource) => resource.notApplicable('no node is a target of this update') };
}

/**
 * What is new and no target is not made in such an update, and the engine hands it over without any inputs: there is
 * nothing to judge yet.
 */
function whereDescribed(policy: ResourceValidationPolicy): ResourceValidationPolicy {
  const validations = [policy.validateResource ?? []].flat();
  const validateResource = validations.map((validate): ResourceValidation => {
    const described: ResourceValidation = (resource, report) =>
      Object.keys(resource.props).length === 0 ? undefined : validate(resource, report);
    // With the type that the SDK has marked it with.
    return Object.assign(described, validate);
  });
  return { ...policy, validateResource };
}
