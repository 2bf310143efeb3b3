import type { StackConfig } from './schema';

/** How LINSTOR's controller is found: by its URL where it has one, else in the cluster. */
export function linstorAccess({ url, namespace, controllerSelector: selector }: NonNullable<StackConfig['linstor']>): {
  namespace: string;
  selector: string;
  url?: string;
} {
  return { namespace, selector, ...(url !== undefined && { url }) };
}
