/** Where Flux puts its own unless told otherwise. */
const FLUX = 'flux-system';

/** Kustomizations as they are named: NAME, or NAMESPACE/NAME. Each once. */
export function kustomizations(names: string[]): { namespace: string; name: string }[] {
  const full = names.map((name) => (name.includes('/') ? name : `${FLUX}/${name}`));
  return [...new Set(full)].map((text) => {
    const [namespace = '', name = ''] = text.split('/');
    return { namespace, name };
  });
}
