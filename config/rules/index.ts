import { ADOPTED_RULES } from './adopted';
import { AUTOMATION_RULES } from './automation';
import { HOST_RULES } from './hosts';
import { IDENTITY_RULES } from './identity';
import { LABEL_RULES } from './kubernetesNames';
import { MACHINE_RULES } from './machines';
import { NETWORK_RULES } from './networks';
import { RELEASE_RULES } from './releases';
import type { Rule } from './rule';
import { TIMEOUT_RULES } from './timeouts';

export const RULES: Rule[] = [
  ...IDENTITY_RULES,
  ...NETWORK_RULES,
  ...HOST_RULES,
  ...MACHINE_RULES,
  ...RELEASE_RULES,
  ...LABEL_RULES,
  ...TIMEOUT_RULES,
  ...ADOPTED_RULES,
  ...AUTOMATION_RULES,
];
