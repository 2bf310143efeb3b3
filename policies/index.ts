import { PolicyPack } from '@pulumi/policy';
import { nodeVmsNotProtected } from './nodeVms';
import { talosSecretsProtected } from './talosSecrets';

new PolicyPack('prox-ops', { policies: [talosSecretsProtected, nodeVmsNotProtected] });
