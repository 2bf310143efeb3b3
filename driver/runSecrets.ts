import type { ConfigMap, Stack } from '@pulumi/pulumi/automation';
import { secrets } from './secrets';

/** Outputs of the stack that hold credentials. */
const DOCUMENTS = ['kubeconfig', 'talosconfig'];

/** Makes the secrets of a stack known, so that nothing this run says holds one. Returns the stack's configuration. */
export async function learnSecrets(stack: Stack): Promise<ConfigMap> {
  const [config, outputs] = await Promise.all([stack.getAllConfig(), stack.outputs()]);
  for (const { value, secret } of Object.values(config)) if (secret === true) secrets.addToken(value);
  for (const name of DOCUMENTS) {
    const document = outputs[name]?.value as unknown;
    if (typeof document === 'string') secrets.addDocument(document);
  }
  return config;
}
