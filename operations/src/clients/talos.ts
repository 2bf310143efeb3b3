import { spawn } from 'node:child_process';
import { messageOf } from '../runtime/errors.js';
import { secretFile } from './secretFile.js';
import {
  parseAddresses,
  parseClock,
  parseDiscovered,
  parseEtcdStatus,
  parseExtensions,
  parseLinkAddresses,
  parseLinks,
  parseMachineConfiguration,
  parseMachineStatus,
  parseMembers,
  parseService,
  parseVersion,
  UnexpectedOutput,
  type ClockReading,
  type DiscoveredMember,
  type EtcdMember,
  type EtcdStatus,
  type Extension,
  type Link,
  type LinkAddress,
  type MachineStatus,
} from './talosOutput.js';

/** The Talos machine API. Every call goes to the node itself, so that no other node has to be up for it. */
export type RebootMode = 'default' | 'powercycle' | 'force';

export interface Talos {
  machineStatus(address: string): Promise<MachineStatus>;
  /** The same without client certificate: answered by a machine in maintenance mode alone. */
  maintenanceStatus(address: string): Promise<MachineStatus>;
  extensions(address: string): Promise<Extension[]>;
  /** The running Talos version, e.g. v1.13.0. */
  version(address: string): Promise<string>;
  /** The kernel's boot id: another one after every boot. */
  bootId(address: string): Promise<string>;
  etcdMembers(address: string): Promise<EtcdMember[]>;
  etcdStatus(address: string): Promise<EtcdStatus>;
  etcdSnapshot(address: string, file: string): Promise<void>;
  etcdForfeitLeadership(address: string): Promise<void>;
  etcdLeave(address: string): Promise<void>;
  /** Removes a dead member, asking another one. */
  etcdRemoveMember(via: string, id: string): Promise<void>;
  /** State of a service and the last thing that happened to it: `Failed: error recovering ...`. */
  serviceState(address: string, service: string): Promise<string>;
  /** Asks for a reboot; does not wait for it. */
  reboot(address: string, mode: RebootMode): Promise<void>;
  /** Has the machine fetch an installer image, so that nothing has to be fetched once it is out of the cluster. */
  pullImage(address: string, image: string): Promise<void>;
  /** Installs Talos from an installer image and asks for the reboot into it; does not wait for that. */
  upgrade(address: string, image: string): Promise<void>;
  /** An administrator's kubeconfig (YAML), from a control plane. A secret. */
  kubeconfig(address: string): Promise<string>;
}

export type TalosTrouble =
  /** No connection, or no answer in time. */
  | 'unreachable'
  /** Something answered that does not belong to this cluster's authority: a machine in maintenance mode does. */
  | 'foreign'
  | 'not-found'
  | 'other';

export class TalosError extends Error {
  override readonly name = 'TalosError';

  constructor(
    readonly trouble: TalosTrouble,
    message: string,
  ) {
    super(message);
  }
}

const QUICK = 15_000;
const SLOW = 60_000;
const SNAPSHOT = 10 * 60_000;
/** An image over a slow line, and its unpacking onto a slow disk. */
const INSTALL = 15 * 60_000;
/** After SIGTERM, until SIGKILL. */
const LAST_RESPITE = 2_000;

/**
 * Runs talosctl, which knows the protocol's versions. It has no deadlines of its own for a node that accepts a
 * connection and never answers, so each call brings one.
 */
export class TalosCli implements Talos {
  /** @param talosconfig YAML text. @param program talosctl's path or name. */
  constructor(
    private readonly talosconfig: string,
    private readonly program = process.env['PROX_OPS_TALOSCTL'] ?? 'talosctl',
  ) {}

  async machineStatus(address: string): Promise<MachineStatus> {
    const text = await this.run(address, ['get', 'machinestatus', '-o', 'json'], QUICK);
    return answered(parseMachineStatus(text), address, 'machine status');
  }

  async maintenanceStatus(address: string): Promise<MachineStatus> {
    const args = ['get', 'machinestatus', '-o', 'json', '--insecure', '--nodes', address];
    return answered(parseMachineStatus(await this.spawn(args, QUICK)), address, 'machine status');
  }

  async extensions(address: string): Promise<Extension[]> {
    return parseExtensions(await this.run(address, ['get', 'extensionstatuses', '-o', 'json'], QUICK));
  }

  async version(address: string): Promise<string> {
    return answered(parseVersion(await this.run(address, ['version', '--json'], QUICK)), address, 'version');
  }

  async bootId(address: string): Promise<string> {
    const text = await this.run(address, ['read', '/proc/sys/kernel/random/boot_id'], QUICK);
    return answered(text.trim() || undefined, address, 'boot id');
  }

  async etcdMembers(address: string): Promise<EtcdMember[]> {
    const members = parseMembers(await this.run(address, ['etcd', 'members'], QUICK));
    return answered(members.length > 0 ? members : undefined, address, 'etcd member');
  }

  async etcdStatus(address: string): Promise<EtcdStatus> {
    return answered(parseEtcdStatus(await this.run(address, ['etcd', 'status'], QUICK)), address, 'etcd status');
  }

  async etcdSnapshot(address: string, file: string): Promise<void> {
    await this.run(address, ['etcd', 'snapshot', file], SNAPSHOT);
  }

  async etcdForfeitLeadership(address: string): Promise<void> {
    await this.run(address, ['etcd', 'forfeit-leadership'], SLOW);
  }

  async etcdLeave(address: string): Promise<void> {
    await this.run(address, ['etcd', 'leave'], SLOW);
  }

  async etcdRemoveMember(via: string, id: string): Promise<void> {
    await this.run(via, ['etcd', 'remove-member', id], SLOW);
  }

  async reboot(address: string, mode: RebootMode): Promise<void> {
    await this.run(address, ['reboot', '--mode', mode, '--wait=false'], SLOW);
  }

  async pullImage(address: string, image: string): Promise<void> {
    await this.run(address, ['image', 'pull', image, '--namespace', 'system'], INSTALL);
  }

  async upgrade(address: string, image: string): Promise<void> {
    // Drained by us already; talosctl's own drain would also fail, after the install, where the API does not answer.
    await this.run(address, ['upgrade', '--image', image, '--drain=false', '--wait=false'], INSTALL);
  }

  async kubeconfig(address: string): Promise<string> {
    return answered(
      (await this.run(address, ['kubeconfig', '-', '--merge=false'], QUICK)) || undefined,
      address,
      'kubeconfig',
    );
  }

  /** The machine configuration that runs, YAML text with secrets: for an administrator's talosconfig alone. */
  async machineConfiguration(address: string): Promise<string> {
    const text = await this.run(address, ['get', 'machineconfig', 'v1alpha1', '-o', 'json'], QUICK);
    return answered(parseMachineConfiguration(text), address, 'machine configuration');
  }

  /** Addresses in CIDR notation. */
  async addresses(address: string): Promise<string[]> {
    return parseAddresses(await this.run(address, ['get', 'addresses', '-o', 'json'], QUICK));
  }

  /** Hands a machine that waits for an etcd a snapshot to begin with; answered before the machine has read it. */
  async recoverEtcd(address: string, snapshot: string): Promise<void> {
    await this.run(address, ['bootstrap', '--recover-from', snapshot], SNAPSHOT);
  }

  async serviceState(address: string, service: string): Promise<string> {
    const text = await this.run(address, ['service', service], QUICK);
    return answered(parseService(text), address, `service ${service}`);
  }

  async linkAddresses(address: string): Promise<LinkAddress[]> {
    return parseLinkAddresses(await this.run(address, ['get', 'addresses', '-o', 'json'], QUICK));
  }

  /** Network interfaces, those without an address among them. */
  async links(address: string): Promise<Link[]> {
    return parseLinks(await this.run(address, ['get', 'links', '-o', 'json'], QUICK));
  }

  /** The cluster's machines as this one has discovered them. */
  async discovered(address: string): Promise<DiscoveredMember[]> {
    return parseDiscovered(await this.run(address, ['get', 'members', '-o', 'json'], QUICK));
  }

  /** The machine asks its time server and tells both clocks. */
  async clock(address: string): Promise<ClockReading> {
    return answered(parseClock(await this.run(address, ['time'], QUICK)), address, 'time');
  }

  /** A secrets.yaml made from a control plane's machine configuration; asks no machine. */
  async secretsOf(configuration: string): Promise<string> {
    const file = await secretFile('controlplane.yaml', configuration);
    try {
      return await this.spawn(['gen', 'secrets', '--from-controlplane-config', file.path, '-o', '-'], QUICK);
    } finally {
      file.remove();
    }
  }

  /** An administrator's talosconfig with a new certificate of these secrets' authority (YAML). Asks no machine. */
  async clientOf(secretsYaml: string): Promise<string> {
    const file = await secretFile('secrets.yaml', secretsYaml);
    try {
      const made = ['gen', 'config', 'client', 'https://127.0.0.1:6443', '--with-secrets', file.path];
      return await this.spawn([...made, '--output-types', 'talosconfig', '-o', '-'], QUICK);
    } finally {
      file.remove();
    }
  }

  private async run(address: string, args: string[], deadline: number): Promise<string> {
    const file = await secretFile('talosconfig', this.talosconfig);
    try {
      const target = ['--talosconfig', file.path, '--endpoints', address, '--nodes', address];
      return await this.spawn([...args, ...target], deadline);
    } finally {
      file.remove();
    }
  }

  private async spawn(args: string[], deadline: number): Promise<string> {
    const command = describeCall(args);
    return new Promise((resolve, reject) => {
      // Out of reach of the terminal's Ctrl-C, on which the driver decides: an upgrade that has begun is waited for.
      const child = spawn(this.program, args, { detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
      const out: Buffer[] = [];
      const err: Buffer[] = [];
      let late = false;
      const timer = setTimeout(() => {
        late = true;
        child.kill('SIGTERM');
        setTimeout(() => child.kill('SIGKILL'), LAST_RESPITE).unref();
      }, deadline);
      child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
      child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
      child.on('error', (error) => {
        clearTimeout(timer);
        reject(
          new TalosError(
            'other',
            `could not start ${this.program}: ${messageOf(error)}; put talosctl on PATH or name it in PROX_OPS_TALOSCTL`,
          ),
        );
      });
      child.on('close', (code) => {
        clearTimeout(timer);
        const words = Buffer.concat(err).toString().trim();
        if (late) reject(new TalosError('unreachable', `${command}: no answer within ${deadline / 1000} s`));
        else if (code !== 0)
          reject(new TalosError(classify(words), `${command}: ${lastLines(words) || `exit code ${code}`}`));
        else resolve(Buffer.concat(out).toString());
      });
    });
  }
}

/** The call without its credentials' path, and with its target once. */
function describeCall(args: string[]): string {
  const target = args[args.indexOf('--nodes') + 1] ?? '';
  const words = args.slice(
    0,
    args.findIndex((arg) => ['--talosconfig', '--nodes', '--with-secrets'].includes(arg)),
  );
  return `talosctl ${words.join(' ')} (${target})`;
}

/** With exit code 0 and a warning alone, talosctl leaves out a node that failed: no row is no answer. */
function answered<T>(found: T | undefined, address: string, what: string): T {
  if (found === undefined) throw new UnexpectedOutput(`expected the ${what} of ${address} from talosctl, found none`);
  return found;
}

function classify(words: string): TalosTrouble {
  if (/x509:|certificate required|authentication handshake failed/.test(words)) return 'foreign';
  if (/code = NotFound|not found/.test(words)) return 'not-found';
  if (
    /code = (Unavailable|DeadlineExceeded)|connection refused|i\/o timeout|no route to host|EOF|reset by peer/.test(
      words,
    )
  ) {
    return 'unreachable';
  }
  return 'other';
}

/** An error's own words stand at the end; before them may be a usage page. */
function lastLines(words: string): string {
  return words.split('\n').slice(-4).join(' ').replace(/\s+/g, ' ').trim();
}
