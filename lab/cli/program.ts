import { Command, InvalidArgumentError, Option } from 'commander';
import { exportLines, type LabEnvironment } from '../daemon/environment.js';
import { EXIT } from '../daemon/errors.js';
import { DEFAULT_NAME } from '../daemon/record.js';
import { ANNOUNCEMENTS } from '../daemon/routes.js';
import type { LabStatus } from '../daemon/status.js';
import { clientOf, targetOf, type Output, type Target } from './context.js';
import { demo, type DemoOptions } from './demo.js';
import { down } from './down.js';
import { clearFaults, listFaults, setFault } from './fault.js';
import { monitor, type MonitorCommandOptions } from './monitor.js';
import { statusText } from './status-view.js';
import { up, type UpOptions } from './up.js';

/** Of Pulumi.lab.yaml: 127.20.0.0/16. */
export const DEFAULT_BASE = 20;

const EXIT_CODES = `
Exit codes:
  ${EXIT.done}  done; monitor: every invariant was watched and holds
  ${EXIT.failed}  failed; monitor: an invariant is violated
  ${EXIT.usage}  wrong use: an unknown command, option, fault or node, or a malformed stack file
  ${EXIT.notRunning}  no such lab is running, or its process is gone
  ${EXIT.occupied}  the lab is running already, or something holds its addresses
  ${EXIT.unproven}  monitor: nothing is violated, but not everything was watched yet`;

/** The `prox-ops lab` command. `finish` is told each command's exit code. */
export function buildProgram(output: Output, finish: (exitCode: number) => void): Command {
  const run = async (work: Promise<number>): Promise<void> => finish(await work);
  const program = new Command('prox-ops lab')
    .description('A cluster of hypervisors, machines and storage on loopback, to rehearse with.')
    .addHelpText('after', EXIT_CODES)
    .configureOutput({ writeOut: output.out, writeErr: output.err })
    .showHelpAfterError('(see --help)')
    .exitOverride();
  withName(startOptions(program.command('up').description('start the lab')))
    .option('--foreground', 'stay in this terminal until Ctrl-C')
    .action((options: UpOptions & Named) => run(up(targetOf(options.name), options, output)));
  withName(program.command('down').description('stop the lab, or end what a killed one left')).action(
    (options: Named) => run(down(targetOf(options.name), output)),
  );
  withName(program.command('status').description('hosts, machines, etcd, nodes, storage and faults'))
    .option('--json', 'machine-readable')
    .action((options: Named & { json?: boolean }) =>
      run(status(targetOf(options.name), options.json === true, output)),
    );
  withName(program.command('env').description('what a shell needs: eval "$(prox-ops lab env)"')).action(
    (options: Named) => run(env(targetOf(options.name), output)),
  );
  faultCommands(program, output, run);
  withName(program.command('monitor').description("the safety monitor's verdict on I1 to I7"))
    .option('--json', 'machine-readable')
    .option('--wait', 'first wait until the cluster is complete and the watch has begun')
    .option('--scan <path...>', 'files and folders in which no secret may stand')
    .option('--workers-out <number>', 'up to so many workers may be out at the same time (default: 1)', wholeNumber)
    .addOption(new Option('--announce <what>', announcements()).choices(Object.keys(ANNOUNCEMENTS)))
    .action((options: Named & MonitorCommandOptions) => run(monitor(targetOf(options.name), options, output)));
  withName(startOptions(program.command('demo').description('build the production cluster and replace every node')))
    .option('--keep', 'leave the lab running afterwards')
    .action((options: Named & DemoOptions) => run(demo(targetOf(options.name), options, output)));
  return program;
}

interface Named {
  name: string;
}

function withName(command: Command): Command {
  return command.option('--name <name>', 'which lab', DEFAULT_NAME);
}

function startOptions(command: Command): Command {
  return command
    .option('--base <number>', 'the lab lives on 127.<number>.0.0/16', wholeNumber, DEFAULT_BASE)
    .addOption(
      new Option('--durations <speed>', 'how long machines, tasks and syncs take')
        .choices(['fastest', 'realistic'])
        .default('fastest'),
    )
    .option('--stack-file <file>', "where the nodes' names are (default: the project's Pulumi.lab.yaml)");
}

function faultCommands(program: Command, output: Output, run: (work: Promise<number>) => Promise<void>): void {
  const fault = program.command('fault').description('make things go wrong');
  withName(fault.command('list').description('all faults, and those in force'))
    .option('--json', 'machine-readable')
    .action((options: Named & { json?: boolean }) =>
      run(listFaults(targetOf(options.name), options.json === true, output)),
    );
  withName(fault.command('set <fault> [subject]').description('put a fault in force, of a node or a host'))
    .option('--count <number>', 'how many times it strikes (default: until it is cleared)', wholeNumber)
    .action((name: string, subject: string | undefined, options: Named & { count?: number }) => {
      const { count } = options;
      const wanted = { name, ...(subject === undefined ? {} : { subject }), ...(count === undefined ? {} : { count }) };
      return run(setFault(targetOf(options.name), wanted, output));
    });
  withName(fault.command('clear [fault] [subject]').description('lift a fault, or all')).action(
    (name: string | undefined, subject: string | undefined, options: Named) => {
      const which = { ...(name === undefined ? {} : { name }), ...(subject === undefined ? {} : { subject }) };
      return run(clearFaults(targetOf(options.name), which, output));
    },
  );
}

async function status(target: Target, json: boolean, { out }: Output): Promise<number> {
  const found = await clientOf(target).ask<LabStatus>('GET', '/status');
  out(json ? JSON.stringify(found, undefined, 2) : statusText(found));
  return EXIT.done;
}

async function env(target: Target, { out }: Output): Promise<number> {
  const environment = await clientOf(target).ask<LabEnvironment>('GET', '/environment');
  out(exportLines(environment).join('\n'));
  return EXIT.done;
}

function announcements(): string {
  const list = Object.entries(ANNOUNCEMENTS).map(([name, says]) => `${name} (${says})`);
  return `tell the monitor beforehand what would be a violation: ${list.join('; ')}`;
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('Expected a whole number above 0.');
  return value;
}
