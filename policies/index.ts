import { PolicyPack } from '@pulumi/policy';
import { isTargeted, NO_NODE, ONLY_NODES } from '../config/narrowing';
import { policiesFor } from './pack';

new PolicyPack('prox-ops', { policies: policiesFor(isTargeted(), process.env[ONLY_NODES] === NO_NODE) });
