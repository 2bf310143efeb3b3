import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { FAULTS, type FaultName } from '../../lab/world/faults';
import { powerCut, release, seen } from './engine-cluster';
import type { EngineLab } from './engine-lab';

/** The node that the runbooks' commands are about. */
export const NODE = 'k8s-work-2';
/** Control planes of the lab's inventory that can be switched off without the one that answers. */
const OTHERS = [8002, 8003];
const RELEASES = ['v1.12.4', 'v1.12.5'] as const;

interface Scene {
  begin: () => void | Promise<void>;
  /** Absent: the commands of the runbook mend it. */
  end?: () => void | Promise<void>;
}

/** What a runbook supposes to have happened, made in the lab: a fault by its name, or something that people and power do. */
export class Scenes {
  private name = '';
  private copies = 0;
  private readonly scenes: Record<string, Scene> = {
    '': { begin: () => undefined },
    'killed before the VM went': { begin: () => this.killed('"phase":"evacuate"') },
    'killed after the VM went': { begin: () => this.killed('"phase":"create VM"') },
    'a run was killed at the lock': { begin: () => this.killed('"phase":"turn"') },
    'on a release that it is to leave': { begin: () => this.replaced() },
    'two control planes are off': { begin: () => this.power('stop'), end: () => this.power('start') },
    'a replica has parted': {
      begin: () => this.fault(`resource-faulty ${this.withReplica()}`).begin(),
      end: () => this.fault('resource-faulty').end?.(),
    },
  };

  constructor(private readonly engine: EngineLab) {}

  /** The lab as that scene has it; the one before it ends. '' is a lab in which nothing is wrong. */
  async change(name: string): Promise<void> {
    if (name === this.name) return;
    await this.scene(this.name).end?.();
    this.name = name;
    await this.scene(name).begin();
  }

  /** What the runbooks' README says of each variable, for a block of commands. A copy is never written over another one. */
  variables(commands: string): Record<string, string> {
    if (commands.includes('secrets export "$COPY"')) this.copies++;
    const { project, lab } = this.engine;
    const controlPlane = lab.status().machines.find(({ node }) => node === 'k8s-ctrl-1')?.address ?? '';
    return {
      COPY: join(project, `copy-${this.copies}.yaml`),
      NODE,
      CONTROL_PLANE: controlPlane,
      PREVIOUS: this.otherRelease(),
      TALOSCONFIG: join(project, 'talosconfig'),
      KUBECONFIG: join(project, 'kubeconfig'),
    };
  }

  private scene(name: string): Scene {
    return this.scenes[name] ?? this.fault(name);
  }

  private fault(text: string): Scene {
    const [name = '', subject] = text.split(' ');
    const { faults } = this.engine.lab;
    assert.ok(name in FAULTS, `expected a scene or a fault, found '${text}'`);
    const usual = FAULTS[name as FaultName].scope === 'node' ? NODE : '';
    return {
      begin: () => {
        faults.set(name, subject ?? usual);
      },
      end: () => {
        faults.clear(name);
      },
    };
  }

  /** A machine that was replaced a moment ago has none. */
  private withReplica(): string | undefined {
    const replicas = this.engine.lab.parts.linstor.summary();
    return replicas.find(({ diskful }) => diskful)?.node;
  }

  /** A replacement of the node, cut off when that shows in its events. */
  private async killed(mark: string): Promise<void> {
    await this.wanted();
    const driver = this.engine.begin('roll', '--yes', '--json', '--strategy', 'replace', '--nodes', NODE);
    await seen(driver, new RegExp(`"phase\\.started","node":"${NODE}",${mark}`));
    powerCut(driver);
  }

  private async replaced(): Promise<void> {
    await this.wanted();
    const roll = await this.engine.proxOps('roll', '--yes', '--strategy', 'replace', '--nodes', NODE);
    assert.equal(roll.code, 0, roll.output);
  }

  /** Another release than the one that the node runs is the active one. */
  private wanted(): Promise<void> {
    const runs = this.engine.lab.status().machines.find(({ node }) => node === NODE)?.talos;
    return release(this.engine, RELEASES.find((candidate) => candidate !== runs) ?? RELEASES[0]);
  }

  private power(turn: 'start' | 'stop'): void {
    for (const vmId of OTHERS) this.engine.lab.parts.proxmox.byHand[turn](vmId);
  }

  private otherRelease(): string {
    const file = parse(readFileSync(this.engine.stackFile, 'utf8')) as {
      config: { 'prox-ops:releases': { active: 'a' | 'b' } & Partial<Record<'a' | 'b', { talos: string }>> };
    };
    const releases = file.config['prox-ops:releases'];
    return releases[releases.active === 'a' ? 'b' : 'a']?.talos ?? '';
  }
}
