import type { ConfigMap, OutputMap, Stack } from '@pulumi/pulumi/automation';
import { ExitCode } from './exit';
import { secrets } from './secrets';
import { unreadableState } from './unreadable';

/** Outputs of the stack that hold credentials. */
const DOCUMENTS = ['kubeconfig', 'talosconfig'];

/** Each read is a start of the CLI. What this process itself changes in a stack's file is none of its secrets. */
const configs = new WeakMap<Stack, Promise<ConfigMap>>();
const outputs = new WeakMap<Stack, OutputMap>();

/** The stack's configuration, decrypted. Holds secrets: never printed. Read once a stack. */
export function decryptedConfig(stack: Stack): Promise<ConfigMap> {
  const config = configs.get(stack) ?? stack.getAllConfig();
  configs.set(stack, config);
  return config;
}

/**
 * The stack's outputs, decrypted. Read once a stack that is built: until then they are still to come.
 * @throws CommandError when the state cannot be had, or is damaged.
 */
export async function decryptedOutputs(stack: Stack): Promise<OutputMap> {
  const known = outputs.get(stack);
  if (known) return known;
  const read = await stack.outputs().catch((error: unknown) => {
    throw unreadableState(stack.name, error, ExitCode.blocked);
  });
  // An update that ends before there is a Kubernetes leaves an output without a value.
  if (DOCUMENTS.every((name) => typeof (read[name]?.value as unknown) === 'string')) outputs.set(stack, read);
  return read;
}

/** An update of this process has made other outputs: they are read again when they are asked for next. */
export function forgetOutputs(stack: Stack): void {
  outputs.delete(stack);
}

/** Makes the secrets of a stack known, so that nothing this run says holds one. Returns the stack's configuration. */
export async function learnSecrets(stack: Stack): Promise<ConfigMap> {
  const [config, found] = await Promise.all([decryptedConfig(stack), decryptedOutputs(stack)]);
  for (const { value, secret } of Object.values(config)) if (secret === true) secrets.addToken(value);
  for (const name of DOCUMENTS) {
    const document = found[name]?.value as unknown;
    if (typeof document === 'string') secrets.addDocument(document);
  }
  return config;
}
