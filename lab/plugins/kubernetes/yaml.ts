import { parseAllDocuments } from 'yaml';
import type { PropertyMap } from '../protocol/values.js';
import type { Discovery } from './discovery.js';
import { isPlain } from './objects.js';

/**
 * kubernetes:yaml:decode. Every document that is an object, in order; those without a namespace get the default one
 * when their kind has namespaces.
 */
export async function decodeYaml(
  text: string,
  defaultNamespace: string,
  discovery: Discovery | undefined,
): Promise<PropertyMap> {
  const objects: Record<string, unknown>[] = [];
  for (const document of parseAllDocuments(text)) {
    const [error] = document.errors;
    if (error) throw new Error(`kubernetes:yaml:decode: ${error.message}`);
    const object = document.toJS() as unknown;
    if (isPlain(object) && typeof object['kind'] === 'string' && typeof object['apiVersion'] === 'string') {
      objects.push(await withNamespace(object, defaultNamespace, discovery));
    }
  }
  return { result: objects as PropertyMap[] };
}

async function withNamespace(
  object: Record<string, unknown>,
  namespace: string,
  discovery: Discovery | undefined,
): Promise<Record<string, unknown>> {
  const metadata = isPlain(object['metadata']) ? object['metadata'] : {};
  if (!discovery || metadata['namespace']) return object;
  const namespaced = await discovery.isNamespaced(String(object['apiVersion']), String(object['kind']));
  return namespaced ? { ...object, metadata: { ...metadata, namespace } } : object;
}
