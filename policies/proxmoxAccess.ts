import { resourcePolicy } from './support/define';
import { walk } from './support/walk';

const PROVIDER = 'pulumi:providers:proxmoxve';
const WHERE = 'Change the provider in components/cluster.ts.';

export const proxmoxTlsVerified = resourcePolicy(
  {
    name: 'proxmox-tls-verified',
    description: 'Without a verified certificate anybody on the way can take the token that may delete every VM.',
  },
  [PROVIDER],
  ({ resource, unknowns, report }) => {
    unknowns.attempt(() => {
      const insecure = resource.props.insecure as string | boolean | undefined;
      // A provider's inputs that are no texts reach the engine as JSON.
      if (String(insecure) === 'false') return;
      const found = insecure === undefined ? 'that PROXMOX_VE_INSECURE decides' : `insecure: ${insecure}`;
      report(`${resource.name}: expected insecure: false, found ${found}. ${WHERE}`);
    });
    const endpoint = resource.props.endpoint as string | undefined;
    if (endpoint?.startsWith('https://') !== true)
      report(`${resource.name}: expected an https endpoint, found ${endpoint ?? 'none'}. Set proxmox.endpoint.`);
  },
);

export const proxmoxNoRootPassword = resourcePolicy(
  {
    name: 'proxmox-no-root-password',
    description: 'A password is the whole host, and cannot be limited or taken back like an API token.',
  },
  [PROVIDER],
  ({ resource, unknowns, report }) => {
    const has = (name: string) => unknowns.attempt(() => resource.props[name] as string | undefined);
    if (has('password') !== undefined)
      report(`${resource.name}: expected an API token, found a password of ${has('username') ?? 'somebody'}. ${WHERE}`);
    else if (has('username')?.startsWith('root@') === true)
      report(`${resource.name}: expected an API token, found the user root@pam. ${WHERE}`);
  },
);

const OPTION =
  /^(?:tls|api|proxy|ssl)?_?(?:insecure|insecureSkipVerify|insecureSkipTlsVerify|skipTlsVerify|skipVerify|disableTls)$/i;
const IN_TEXT = [
  /\binsecure-skip-tls-verify:\s*true\b/,
  /\binsecureSkipVerify:\s*true\b/,
  /\b(?:curl|wget)\b[^\n;|&]*\s(?:-k|--insecure|--no-check-certificate)\b/,
  /(?:^|\s)--(?:insecure|insecure-skip-tls-verify)(?:=true)?(?:\s|$)/,
];

export const noInsecureOptions = resourcePolicy(
  { name: 'no-insecure-options', description: 'A connection that verifies nobody is one to whoever answers first.' },
  [],
  ({ resource, unknowns, report }) => {
    if (resource.type === PROVIDER) return;
    walk(resource.props, unknowns, ({ path, key, value }) => {
      const option = OPTION.test(key.replaceAll('-', '')) && (value === true || value === 'true');
      if (option || (typeof value === 'string' && IN_TEXT.some((pattern) => pattern.test(value))))
        report(
          `${resource.name}: ${path}: expected a verified connection, found verification switched off. Remove the option, and ` +
            `name the private authority instead.`,
        );
    });
  },
);
