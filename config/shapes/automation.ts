import { z } from 'zod';
import { dnsLabel, flag, form, oneOf, text, url, whole } from './scalars';

/** Two digests apart are two programs: what a rollout runs never changes under it. */
const pinnedImage = form(
  /^[a-z0-9][a-z0-9.:-]*(\/[a-z0-9._-]+)+(:[\w][\w.-]*)?@sha256:[0-9a-f]{64}$/,
  'an image pinned by digest, like registry.example.net/prox-ops:v1.2.3@sha256:...',
);

const secretStore = z
  .strictObject({
    name: dnsLabel.describe('Name of the store.'),
    kind: oneOf('ClusterSecretStore', 'SecretStore').default('ClusterSecretStore').describe('Kind of the store.'),
  })
  .describe('Store of External Secrets that holds the credentials.');

export const runners = z
  .strictObject({
    configUrl: url('https').describe('Repository or organisation that the runners serve.'),
    image: pinnedImage.describe("The driver's image with GitHub's runner in it (target runner of the Containerfile)."),
    scaleSet: dnsLabel.max(45).default('prox-ops').describe('Name of the scale set: what `runs-on` of a job says.'),
    minimum: whole(2, 5)
      .default(2)
      .describe('Idle runners that are kept. Two at least: their budget leaves one, and a drain has to get past it.'),
    maximum: whole(2, 5).default(5).describe('Runners at the same time.'),
    secretStore,
    secretKey: text.describe(
      "Key of the GitHub App's credentials in the store: github_app_id, github_app_installation_id, github_app_private_key.",
    ),
  })
  .describe('Self-hosted runners in the cluster (ARC). Needs the definitions of ARC and External Secrets.');

export const trigger = z
  .strictObject({
    namespace: dnsLabel.default('argo').describe('Namespace of the workflows; it must be there.'),
    image: pinnedImage.describe("The driver's image (target driver of the Containerfile)."),
    repository: url('https', 'ssh').describe('Git repository with the stack file.'),
    revision: text.default('main').describe('Branch or commit of the repository.'),
    privateRepository: flag
      .default(false)
      .describe('It asks for GIT_USERNAME and GIT_PASSWORD, which are among the properties of secretKey then.'),
    stack: dnsLabel.describe('Name of the stack: its file is Pulumi.NAME.yaml.'),
    secretStore,
    secretKey: text.describe(
      'Key in the store of what the driver finds in its environment: PULUMI_BACKEND_URL, PULUMI_CONFIG_PASSPHRASE, ' +
        'PROXMOX_VE_API_TOKEN and credentials of the state bucket.',
    ),
  })
  .describe('Rollouts that start in the cluster (Argo). Needs the definitions of Argo and External Secrets.');

export const flux = z
  .strictObject({
    namespace: dnsLabel.default('flux-system').describe('Namespace of Flux; it must be there.'),
    facts: flag.default(true).describe('ConfigMap with the facts of the cluster, for substitutions.'),
  })
  .describe('What Flux is told of the cluster.');

export const automation = z
  .strictObject({ runners: runners.optional(), trigger: trigger.optional(), flux: flux.optional() })
  .describe('Rollouts that start by themselves, and whoever is told of them: docs/automation.md.');
