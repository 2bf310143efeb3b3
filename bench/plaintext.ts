import Table from 'cli-table3';
import { UNKNOWN } from '../operations/src/index';
import { secretIn } from '../policies/support/secretScan';
import config from '../policies/config.json';
import { EngineLab } from '../test/support/engine-lab';
import { production } from '../test/support/stack-files';

const BASE = 120;
/** Bits a character: the policy's own threshold, and stricter ones, to show how much room it leaves. */
const ENTROPIES = [config['no-plaintext-secrets'].entropy, 4, 3.5, 3];

interface Text {
  path: string;
  key: string;
  value: string;
}

interface Preview {
  steps: { newState?: { type: string; inputs?: unknown } }[];
}

/**
 * False alarms of no-plaintext-secrets: what it makes of every text that the production inventory's program keeps in
 * plain. All of them are harmless, or the program would be wrong.
 */
export async function plaintext(): Promise<string> {
  const engine = await EngineLab.start({ base: BASE, nodes: Object.keys(production().nodes) });
  try {
    const init = await engine.pulumi(['stack', 'init', 'lab']);
    if (init.code !== 0) throw new Error(init.output);
    const { code, stdout, output } = await engine.pulumi(['preview', '--json']);
    if (code !== 0) throw new Error(output);
    const { steps } = JSON.parse(stdout) as Preview;
    return report(steps.flatMap(({ newState }) => texts(newState?.inputs, newState?.type ?? '')));
  } finally {
    await engine.close();
  }
}

function report(all: Text[]): string {
  const judged = all.filter(({ value }) => value !== SECRET && !value.includes(UNKNOWN));
  const table = new Table({ style: { head: [], border: [] }, head: ['entropy', 'texts judged', 'alarms', 'rate'] });
  for (const entropy of ENTROPIES) {
    const alarms = judged.filter(
      (text) => secretIn(text, { ...config['no-plaintext-secrets'], entropy }) !== undefined,
    );
    const rate = `${((100 * alarms.length) / judged.length).toFixed(2)} %`;
    table.push([entropy, judged.length, alarms.length, rate]);
  }
  const secrets = all.filter(({ value }) => value === SECRET).length;
  return `${table.toString()}\n${secrets} texts are marked as secrets, ${all.length - judged.length - secrets} are not known before the update.`;
}

/** What the engine shows in a secret's place. */
const SECRET = '[secret]';

function texts(value: unknown, path: string, key = ''): Text[] {
  if (typeof value === 'string') return [{ path, key, value }];
  if (Array.isArray(value)) return value.flatMap((inner, index) => texts(inner, `${path}[${index}]`, key));
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([name, inner]) => texts(inner, `${path}.${name}`, name));
}
