import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import { abortCommand } from './commands/abort';
import { adoptCommand, type AdoptCommandOptions } from './commands/adopt';
import { checkCommand, type CheckCommandOptions } from './commands/check';
import {
  ciCommentCommand,
  ciDecideCommand,
  ciIssuesCommand,
  ciLookCommand,
  ciRollCommand,
  ciStoppedCommand,
  ciTakeCommand,
  type IssuesOptions,
} from './commands/ci';
import { configCheckCommand, configSchemaCommand, SCHEMAS } from './commands/config';
import { destroyCommand, type DestroyCommandOptions } from './commands/destroy';
import { healthCommand, type HealthCommandOptions } from './commands/health';
import { planCommand, type PlanCommandOptions } from './commands/plan';
import type { CommonOptions, RunOptions } from './commands/options';
import { orphansCommand, type OrphansCommandOptions } from './commands/orphans';
import { rebootCommand, type RebootCommandOptions } from './commands/reboot';
import { rebuildCommand, type RebuildCommandOptions } from './commands/rebuild';
import { releaseCommand, type ReleaseCommandOptions } from './commands/release';
import { reportCommand, REPORT_FORMATS, type ReportCommandOptions } from './commands/report';
import { rollbackCommand, type RollbackCommandOptions } from './commands/rollback';
import { rollCommand, type RollCommandOptions } from './commands/roll';
import {
  secretsCheckCommand,
  secretsCommand,
  secretsExportCommand,
  secretsImportCommand,
  type ExportOptions,
  type ImportOptions,
} from './commands/secrets';
import { secretsRotateCommand, type RotateOptions } from './commands/secretsRotate';
import { snapshotCommand } from './commands/snapshot';
import { statusCommand } from './commands/status';
import { templatesCommand, type TemplatesCommandOptions } from './commands/templates';
import { unlockCommand, type UnlockCommandOptions } from './commands/unlock';
import { upgradeCommand, type UpgradeCommandOptions } from './commands/upgrade';
import { upCommand, type UpCommandOptions } from './commands/up';
import { versionsCommand, type VersionsCommandOptions } from './commands/versions';
import { verifyCommand } from './commands/verify';
import { CommandError, ExitCode } from './exit';
import { findExternal, runExternal } from './external';
import { outliveReaders } from './output';
import { OWN_NODE } from './ownNode';
import { REBOOT_MODES } from './reboot';
import { secrets } from './secrets';
import { STRATEGIES } from './strategy';

const EXIT_CODES = `
Exit codes:
  0    done, or nothing to do
  1    wrong use, a wrong stack file, a missing tool, or something unforeseen
  2    blocked: something stands in the way; nothing was changed
  3    a node's turn failed and what had been taken down was put back
  4    a node's turn failed and the node is out of the cluster; the message says how to go on
  5    another run holds the stack or the cluster's lease; nothing was changed
  6    it is the turn of the node that this run runs on: the same command goes on from another one
  130  stopped by Ctrl-C`;

/** Every command resolves with its exit code. */
function finish(run: Promise<number>): Promise<void> {
  return run.then(
    (code) => {
      process.exitCode = code;
    },
    (error: unknown) => {
      const known = error instanceof CommandError;
      const message = error instanceof Error ? (known ? error.message : (error.stack ?? error.message)) : String(error);
      process.stderr.write(`prox-ops: ${secrets.clean(message)}\n`);
      process.exitCode = known ? error.exitCode : ExitCode.error;
    },
  );
}

function common(command: Command): Command {
  return command
    .option('-C, --cwd <directory>', 'project directory (default: the working directory or one above it)')
    .option('-s, --stack <name>', 'stack (default: PULUMI_STACK)')
    .option('--json', 'machine-readable output');
}

/** Of commands that change something. */
function audited(command: Command): Command {
  return common(command)
    .option('--reason <text>', 'why, for the audit trail')
    .addOption(
      new Option('--metrics-file <file>', 'write Prometheus metrics of the run there').env('PROX_OPS_METRICS_FILE'),
    )
    .option('--summary-file <file>', 'write what the run did there, as text');
}

function policies(command: Command): Command {
  return command
    .option('--policy-pack <directory...>', 'further policy packs, beside our own')
    .option('--skip-policies <day: reason>', "leave our own policies out, e.g. '2026-12-01: why', to that day");
}

/** How a release gets onto a machine. */
function strategic(command: Command): Command {
  return command
    .addOption(new Option('--strategy <how>', 'default: rollout.strategy of the stack file').choices(STRATEGIES))
    .option('--approve-major', 'agree to another major release of Talos');
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('expected a whole number above 0');
  return value;
}

function buildProgram(): Command {
  const program = new Command('prox-ops')
    .description('Builds a Talos Kubernetes cluster on Proxmox VE and replaces its nodes one by one, safely.')
    .addHelpText('after', EXIT_CODES);
  policies(audited(program.command('up').description('build the cluster, or apply what replaces no node'))).action(
    (options: UpCommandOptions) => finish(upCommand(options)),
  );
  strategic(common(program.command('plan').description('what a roll would do, and what blocks it; changes nothing')))
    .option('--nodes <names...>', 'these nodes only; also separated by commas', named)
    .option('--parallel <n>', 'with up to so many workers out at the same time: which, and which not and why', positive)
    .option('--out <files...>', 'write the plan, by ending: .txt, .json, .md')
    .action((options: PlanCommandOptions) => finish(planCommand(options)));
  strategic(policies(audited(program.command('roll').alias('resume'))))
    .description('replace every node that needs it, one by one; goes on where a run was stopped')
    .option('--nodes <names...>', 'these nodes only; also separated by commas', named)
    .addOption(new Option('--role <role>', 'nodes of this role only').choices(['controlplane', 'worker']))
    .option('--max-nodes <n>', 'stop after so many nodes', positive)
    .option('--parallel <n>', 'up to so many workers out at the same time, where nothing speaks against it', positive)
    .option('--on-node <name>', `the node that this runs on: it stops before its turn (default: ${OWN_NODE})`)
    .option('--suspend-flux <names...>', 'Kustomizations, as NAME or NAMESPACE/NAME (default: rollout.suspendFlux)')
    .option('--set <key=value>', 'a setting for this run, like linstor.settleTimeout=45m; can be repeated', collected)
    .option('-y, --yes', 'do not ask')
    .action((options: RollCommandOptions) => finish(rollCommand(options)));
  policies(audited(program.command('upgrade [nodes...]')))
    .description('install the Talos release of the stack file in place: the VMs stay')
    .option('--all', 'every node that needs it')
    .option('--max-nodes <n>', 'stop after so many nodes', positive)
    .option('-y, --yes', 'do not ask')
    .action((nodes: string[], options: UpgradeCommandOptions) => finish(upgradeCommand(nodes, options)));
  audited(
    program.command('reboot <node>').description('reboot a node through Talos, with every guard of a replacement'),
  )
    .option('--guarded', 'drained, its replicas moved, etcd able to spare it: there is no other way here', true)
    .addOption(new Option('--mode <mode>', 'as talosctl has it').choices(REBOOT_MODES).default('default'))
    .option('--timeout <seconds>', 'for the node to be Ready again (default: rollout.nodeReadyTimeout)', positive)
    .option('-y, --yes', 'do not ask')
    .action((node: string, options: RebootCommandOptions) => finish(rebootCommand(node, options)));
  common(program.command('snapshot [file]').description('save an etcd snapshot, and verify it and the members')).action(
    (file: string | undefined, options: CommonOptions) => finish(snapshotCommand(file, options)),
  );
  audited(program.command('abort [node]').description('put a node back whose leaving was stopped')).action(
    (node: string | undefined, options: RunOptions) => finish(abortCommand(node, options)),
  );
  policies(
    audited(program.command('rollback <node>').description('put a node on the previous release and hold it there')),
  )
    .option('-y, --yes', 'do not ask')
    .option('--clear', 'let the node follow the active release again; changes the stack file only')
    .action((node: string, options: RollbackCommandOptions) => finish(rollbackCommand(node, options)));
  common(program.command('health').description('the health checks of the cluster; exit code 2 when one fails'))
    .option('--wait', 'until they pass, or for rollout.healthTimeout')
    .action((options: HealthCommandOptions) => finish(healthCommand(options)));
  common(
    program.command('verify').description('whether all is as the stack file says: machines, network, storage, Flux, …'),
  ).action((options: CommonOptions) => finish(verifyCommand(options)));
  common(program.command('status').description('nodes, releases and the rollout lease')).action(
    (options: CommonOptions) => finish(statusCommand(options)),
  );
  common(program.command('unlock').description("the stack's lock: whose it is; removes it when its owner is gone"))
    .option('--owner <user@host>', 'whose lock to remove when it was taken on another machine')
    .option('-y, --yes', 'do not ask')
    .action((options: UnlockCommandOptions) => finish(unlockCommand(options)));
  common(program.command('report [run]'))
    .description('a run from its event log: the latest one, or the one of this id')
    .addOption(new Option('-f, --format <format>', 'how').choices(REPORT_FORMATS).default('text'))
    .option('-o, --output <file>', 'write it there (default: standard output)')
    .option('--list', 'all runs: when, who, what, why')
    .action((run: string | undefined, options: ReportCommandOptions) => finish(reportCommand(run, options)));
  common(program.command('release [talos]'))
    .description('make a Talos release the one to run, in the stack file (default: what versions.yaml pins)')
    .option('--kubernetes <version>', 'Kubernetes version (default: unchanged, or pinned)')
    .action((talos: string | undefined, options: ReleaseCommandOptions) => finish(releaseCommand(talos, options)));
  common(program.command('templates').description('what the machines are to be, as objects for a GitOps tool'))
    .option('--namespace <name>', 'of the objects (default: automation.trigger.namespace, or argo)')
    .action((options: TemplatesCommandOptions) => finish(templatesCommand(options)));
  common(program.command('versions').description('what is pinned, what runs, and what may come next; changes nothing'))
    .option('--offline', 'without a look at the cluster')
    .option('--check', 'exit code 2 when anything is not as versions.yaml has it')
    .action((options: VersionsCommandOptions) => finish(versionsCommand(options)));
  policies(common(program.command('check').description('what all policies say about the update; changes nothing')))
    .option('--roll', 'judge the change as roll makes it, one node after the other')
    .option('--out <files...>', 'write the report, by ending: .txt, .json, .sarif, .md')
    .action((options: CheckCommandOptions) => finish(checkCommand(options)));
  common(program.command('adopt').description('take over a cluster that runs already; changes nothing in it'))
    .option('--proxmox <url>', 'Proxmox API (default: PROXMOX_VE_ENDPOINT)')
    .option('--talosconfig <file>', "an administrator's (default: TALOSCONFIG, or ~/.talos/config)")
    .option('--secrets <file>', "the cluster's secrets.yaml (default: made from what a control plane runs with)")
    .option('--image-factory <url>', 'another image factory than the public one')
    .option('--linstor-url <url>', 'LINSTOR controller (default: found in the cluster)')
    .option('--dry-run', 'show the stack file and what differs; write nothing')
    .option('--overwrite', 'replace an existing stack file, and the state of its stack')
    .action((options: AdoptCommandOptions) => finish(adoptCommand(options)));
  wholeCluster(program);
  orphans(program);
  secretsCommands(program);
  ciCommands(program);
  const config = program.command('config').description('the stack file');
  common(
    config.command('check').description('check the stack file without the engine, and show the plan in short'),
  ).action((options: CommonOptions) => finish(configCheckCommand(options)));
  config
    .command('schema')
    .description('print the JSON Schema of a file')
    .addArgument(new Argument('[of]', 'which').choices(Object.keys(SCHEMAS)).default('stack'))
    .action((of: keyof typeof SCHEMAS) => finish(Promise.resolve(configSchemaCommand(of))));
  return program;
}

function wholeCluster(program: Command): void {
  audited(program.command('destroy').description('take the whole cluster down; its identity is kept'))
    .option('-y, --yes', 'do not ask')
    .option('--secrets-copy <file>', 'where the copy of the Talos secrets goes (default: in .prox-ops/secrets)')
    .option('--recipient <age>', 'encrypt that copy for an age recipient (age1...); can be repeated', collected)
    .option('--lose-secrets <cluster>', 'the Talos secrets go, too; needs TALOS_DESTROY_SECRETS=1 and the name')
    .action((options: DestroyCommandOptions) => finish(destroyCommand(options)));
  policies(audited(program.command('rebuild').description('build a destroyed cluster again, as the same cluster')))
    .option('-y, --yes', 'do not ask')
    .option('--secrets-copy <file>', 'compare this copy of the Talos secrets first')
    .option('--snapshot <file>', 'begin etcd from this snapshot instead of empty')
    .option('--identity <file>', 'age identity, for an encrypted copy')
    .action((options: RebuildCommandOptions) => finish(rebuildCommand(options)));
}

function orphans(program: Command): void {
  audited(program.command('orphans').description('what is left of this stack and owned by nobody'))
    .option('--delete', 'remove what is provably of this stack and provably unowned')
    .option('-y, --yes', 'do not ask')
    .action((options: OrphansCommandOptions) => finish(orphansCommand(options)));
}

function secretsCommands(program: Command): void {
  const talos = program.command('secrets').description('the Talos secrets: ages, copies; never shows one');
  common(
    talos.command('ages', { isDefault: true }).description('which there are, how old, how each is made anew'),
  ).action((options: CommonOptions) => finish(secretsCommand(options)));
  const identity = (command: Command) => command.option('--identity <file>', 'age identity, for an encrypted copy');
  audited(talos.command('export <file>').description('write a copy, mode 0600, read back and compared'))
    .option('--recipient <age>', 'encrypt it for an age recipient (age1...); can be repeated', collected)
    .action((file: string, options: ExportOptions) => finish(secretsExportCommand(file, options)));
  identity(common(talos.command('check <file>').description('whether a copy is whole and of this stack'))).action(
    (file: string, options: ImportOptions) => finish(secretsCheckCommand(file, options)),
  );
  audited(talos.command('rotate').description('new client certificates, and another Proxmox token; restarts nothing'))
    .option('--proxmox-token <file>', 'a new API token is in that file (-: standard input)')
    .option('-y, --yes', 'do not ask')
    .action((options: RotateOptions) => finish(secretsRotateCommand(options)));
  identity(audited(talos.command('import <file>').description('for a stack whose state lost them'))).action(
    (file: string, options: ImportOptions) => finish(secretsImportCommand(file, options)),
  );
}

/** What the workflows of .github/ call (docs/automation.md). */
function ciCommands(program: Command): void {
  const ci = program.command('ci').description('what the workflows call; reads the variables of GitHub Actions');
  ci.command('comment <name> <file>')
    .description("a file as the pull request's comment of that name, written or changed")
    .action((name: string, file: string) => finish(ciCommentCommand(name, file)));
  common(ci.command('look <file>').description('health, versions and ages of secrets, into a file')).action(
    (file: string, options: CommonOptions) => finish(ciLookCommand(file, options)),
  );
  ci.command('issues [file]')
    .description('an open issue for each check of that file that is not well, none for one that is')
    .option('--job <name=result>', 'the same for a job, by its result; can be repeated', collected)
    .action((file: string | undefined, options: IssuesOptions) => finish(ciIssuesCommand(file, options)));
  common(ci.command('decide <commit>').description('whether what was merged since starts a rollout by itself')).action(
    (commit: string, options: CommonOptions) => finish(ciDecideCommand(commit, options)),
  );
  common(ci.command('take <directory>').description('plan with the stack file and versions of a pull request')).action(
    (directory: string, options: CommonOptions) => finish(ciTakeCommand(directory, options)),
  );
  audited(ci.command('roll').description("a rollout as the job's ROLL_... variables ask for it")).action(
    (options: RunOptions) => finish(ciRollCommand(options)),
  );
  audited(
    ci.command('stopped').description('after a cancelled job: put back what is out, and say how to go on'),
  ).action((options: RunOptions) => finish(ciStoppedCommand(options)));
}

function named(value: string, before: string[] = []): string[] {
  return [...before, ...value.split(',').filter((name) => name !== '')];
}

function collected(value: string, before: string[] = []): string[] {
  return [...before, value];
}

async function main(): Promise<void> {
  outliveReaders();
  const program = buildProgram();
  const [name = '', ...rest] = process.argv.slice(2);
  const known = program.commands.some((command) => command.name() === name || command.aliases().includes(name));
  const external = known || name.startsWith('-') || name === '' || name === 'help' ? undefined : findExternal(name);
  if (external !== undefined) await finish(runExternal(external, rest));
  else await program.parseAsync();
}

void main();
