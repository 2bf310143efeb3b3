import { PolicyPack } from '@pulumi/policy';
import { isTargeted } from '../config/narrowing';
import { policiesFor } from './pack';

new PolicyPack('prox-ops', { policies: policiesFor(isTargeted()) });
