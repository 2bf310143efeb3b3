import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { PlannedResource } from '../protocol/planned-resource.js';
import type { PlannedFrom } from '../protocol/planned-resource.js';
import { markSecrets } from '../protocol/plan.js';
import type { DiffCall, Difference, ReadCall, State, UpdateCall } from '../protocol/provider.js';
import { member, text } from '../protocol/read-value.js';
import { string } from '../protocol/schema.js';
import { UNKNOWN, Unknown } from '../protocol/values.js';
import type { PropertyMap } from '../protocol/values.js';
import { bundleFromSecrets, clientFromTalosconfig, secretsFromBundle } from './bundle.js';
import { clientConfiguration, machineSecrets } from './schemas.js';
import type { Talosctl } from './talosctl.js';

/** The version that an omitted talosVersion stands for: the one that the provider is built with. */
const BUNDLED_VERSION = 'v1.13';

const ID = 'machine_secrets';

/** talos:machine/secrets:Secrets. Deleting it drops the state only; a lower talosVersion makes every CA anew. */
export class SecretsResource extends PlannedResource {
  constructor(private readonly talosctl: Talosctl) {
    super({
      talosVersion: string({ computed: true }),
      machineSecrets,
      clientConfiguration: clientConfiguration({ outputOnly: true }),
    });
  }

  protected override refine(planned: PropertyMap, { state }: PlannedFrom): PropertyMap {
    const version = planned['talosVersion'] instanceof Unknown ? BUNDLED_VERSION : planned['talosVersion'];
    const refined = { ...planned, talosVersion: version ?? BUNDLED_VERSION };
    return state && expiresSoon(state) ? { ...refined, clientConfiguration: UNKNOWN } : refined;
  }

  override async diff(call: DiffCall): Promise<Difference> {
    const { changes, planned } = await this.plan(call);
    const change = changes.get('talosVersion');
    const lower = compareVersions(text(planned['talosVersion']), text(call.olds['talosVersion'])) < 0;
    if (change && !(planned['talosVersion'] instanceof Unknown) && lower) change.replace = true;
    return { changes };
  }

  protected async make(planned: PropertyMap): Promise<State> {
    const version = text(planned['talosVersion']);
    const args = ['gen', 'secrets', '--force', '-o', '{secrets}', '--talos-version', withV(version)];
    const bundle = await this.talosctl.produce(args, 'secrets');
    return { id: ID, properties: await this.state(version, secretsFromBundle(bundle)) };
  }

  protected async change(planned: PropertyMap, call: UpdateCall): Promise<PropertyMap> {
    const client = expiresSoon(call.olds)
      ? await this.client(member(call.olds['machineSecrets']) ?? {})
      : call.olds['clientConfiguration'];
    return { ...call.olds, talosVersion: planned['talosVersion'], clientConfiguration: client };
  }

  /** The import id is the path of a secrets.yaml. */
  override async read(call: ReadCall): Promise<(State & { inputs: PropertyMap }) | undefined> {
    if (Object.keys(call.properties).length > 0) return super.read(call);
    const secrets = secretsFromBundle(await readFile(call.id, 'utf8'));
    const talosVersion = member(secrets['secrets'])?.['aescbcEncryptionSecret'] === undefined ? 'v1.3' : 'v1.2';
    const properties = await this.state(talosVersion, secrets);
    return { id: ID, properties: markSecrets(this.schema, properties), inputs: { talosVersion } };
  }

  private async state(talosVersion: string, secrets: PropertyMap): Promise<PropertyMap> {
    return { talosVersion, machineSecrets: secrets, clientConfiguration: await this.client(secrets) };
  }

  private async client(secrets: PropertyMap): Promise<PropertyMap> {
    const args = ['gen', 'config', 'talos', 'https://127.0.0.1:6443', '--with-secrets', '{secrets}'];
    const output = ['--output-types', 'talosconfig', '-o', '-'];
    return clientFromTalosconfig(
      await this.talosctl.run([...args, ...output], { secrets: bundleFromSecrets(secrets) }),
    );
  }
}

/** The client certificate is made anew when it is within a month of its end. */
function expiresSoon(state: PropertyMap): boolean {
  const certificate = text(member(state['clientConfiguration'])?.['clientCertificate']);
  if (certificate === '') return false;
  const inAMonth = new Date();
  inAMonth.setMonth(inAMonth.getMonth() + 1);
  return new Date(new X509Certificate(Buffer.from(certificate, 'base64')).validTo) < inAMonth;
}

export function withV(version: string): string {
  return `v${version.replace(/^v/, '')}`;
}

function compareVersions(left: string, right: string): number {
  const numbers = (version: string): number[] => withV(version).slice(1).split(/[.-]/).slice(0, 3).map(Number);
  const [a, b] = [numbers(left), numbers(right)];
  for (let i = 0; i < 3; i += 1) {
    const difference = (a[i] || 0) - (b[i] || 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
