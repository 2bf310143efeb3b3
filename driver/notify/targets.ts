import type { ConfigMap } from '@pulumi/pulumi/automation';
import { secrets, type SecretFilter } from '../secrets';

/** Where messages go. The URL is a secret: whoever has it can post. */
export interface Target {
  kind: 'discord' | 'webhook';
  url: string;
}

/** The stack's secret and the environment variable that name a target; the variable wins. */
const SOURCES = [
  { kind: 'discord', key: 'prox-ops:discordWebhook', variable: 'PROX_OPS_DISCORD_WEBHOOK' },
  { kind: 'webhook', key: 'prox-ops:webhook', variable: 'PROX_OPS_WEBHOOK' },
] as const;

/**
 * The targets that a stack and the environment name, and what is wrong with the others: a wrong one is told and left
 * out, since messages never decide over a run.
 */
export function targetsFrom(
  config: ConfigMap,
  environment: Readonly<Record<string, string | undefined>> = process.env,
  filter: SecretFilter = secrets,
): { targets: Target[]; problems: string[] } {
  const targets: Target[] = [];
  const problems: string[] = [];
  for (const { kind, key, variable } of SOURCES) {
    const given = environment[variable] ?? '';
    const configured = config[key];
    const url = given === '' ? (configured?.value ?? '') : given;
    if (url === '') continue;
    filter.addUrl(url);
    const problem =
      given === '' && configured?.secret !== true
        ? `${key}: expected a secret, found plain text in the stack file; set it with: pulumi config set --secret ${key}`
        : urlProblem(url, given === '' ? key : variable);
    if (problem === undefined) targets.push({ kind, url });
    else problems.push(problem);
  }
  return { targets, problems };
}

/** In clear only within the machine: the address is a credential. */
function urlProblem(url: string, name: string): string | undefined {
  const expected = `${name}: expected an https:// address`;
  if (!URL.canParse(url)) return `${expected}, found something that is none`;
  const { protocol, hostname } = new URL(url);
  const local = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
  if (protocol === 'https:' || (protocol === 'http:' && local)) return undefined;
  return `${expected}, found ${protocol}//`;
}
