import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CoreV1Api, PatchStrategy, setHeaderOptions } from '@kubernetes/client-node';
import { buildByHand, type Handmade } from '../../lab/handmade/cluster';
import { ensureTools, TOOL_NAMES } from '../../lab/tools/index';
import { adminConfig } from './driver-identity';
import { EngineLab, type Finished } from './engine-lab';
import { handmadeSpec } from './handmade';
import { testNetwork } from './network';

/** The administrator in the API server's audit log. */
const ADMINISTRATOR = 'admin';
const READS = new Set(['get', 'list', 'watch']);

/** A cluster that somebody made by hand, and a project that knows nothing of it. */
export class HandmadeLab {
  private constructor(
    readonly engine: EngineLab,
    readonly made: Handmade,
    private readonly imageFactory: string,
  ) {}

  /** @param base 127.BASE.0.0/16 */
  static async start(base: number): Promise<HandmadeLab> {
    const network = testNetwork(base);
    const spec = handmadeSpec(network);
    const nodes = spec.nodes.map(({ name }) => name);
    const engine = await EngineLab.start({ base, nodes, undescribed: true, auditedUsers: [ADMINISTRATOR] });
    try {
      const { talosctl } = await ensureTools(TOOL_NAMES);
      const made = await buildByHand(engine.lab, talosctl, spec, join(engine.project, '..', 'home'));
      return new HandmadeLab(engine, made, network.imageFactoryUrl);
    } catch (error) {
      await engine.close();
      throw error;
    }
  }

  /** Runs `prox-ops adopt ARGS` to its end. */
  adopt(...args: string[]): Promise<Finished> {
    const environment = { TALOSCONFIG: this.made.talosconfig };
    return this.engine.proxOpsWith(environment, 'adopt', '--image-factory', this.imageFactory, ...args);
  }

  async cordon(name: string, unschedulable = true): Promise<void> {
    const api = (await adminConfig(this.engine)).makeApiClient(CoreV1Api);
    const headers = setHeaderOptions('Content-Type', PatchStrategy.MergePatch);
    await api.patchNode({ name, body: { spec: { unschedulable } } }, headers);
  }

  /** Every request so far that changes something, to whichever API. */
  writes(): string[] {
    const { lab } = this.engine;
    const events = lab.world.events.all().filter((event) => event.type === 'api.write');
    const audit = readFileSync(join(lab.directory.kubernetes, 'audit.log'), 'utf8').trim().split('\n');
    const requests = audit
      .map((line) => JSON.parse(line) as { verb: string; requestURI: string; user: { username: string } })
      .filter(({ verb, user }) => user.username === ADMINISTRATOR && !READS.has(verb));
    return [
      ...events.map(({ api, method, path }) => `${api} ${method} ${path}`),
      ...requests.map(({ verb, requestURI }) => `kubernetes ${verb} ${requestURI}`),
    ];
  }
}
