import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { credentials, Server, ServerCredentials, type ServiceError, status } from '@grpc/grpc-js';
import { LanguageRuntimeClient, LanguageRuntimeService } from '@pulumi/pulumi/proto/language_grpc_pb';
import {
  AboutRequest,
  type AboutResponse,
  GeneratePackageRequest,
  InstallDependenciesRequest,
  ProgramInfo,
  RunRequest,
  type RunResponse,
} from '@pulumi/pulumi/proto/language_pb';
import { programDependencies } from '../../../lab/launchers/dependencies';
import { LanguageHost, languageService } from '../../../lab/launchers/language-service';
import { parseOptions, splitWords } from '../../../lab/launchers/options';
import { outcomeOf, programCommand } from '../../../lab/launchers/program';
import { temporaryFolder } from './fakes';

describe('language host', () => {
  const folder = temporaryFolder();

  function runRequest(directory = process.cwd()): RunRequest {
    const info = new ProgramInfo().setRootDirectory(directory).setProgramDirectory(directory).setEntryPoint('.');
    const request = new RunRequest().setInfo(info).setProject('p').setStack('s').setMonitorAddress('127.0.0.1:1');
    request.getConfigMap().set('p:token', 'hunter2');
    return request.setConfigsecretkeysList(['p:token']).setParallel(16);
  }

  describe('runtime options', () => {
    it('split arguments for Node as a shell would', () => {
      assert.deepEqual(splitWords(`--a  --b='x y' "c d"e`), ['--a', '--b=x y', 'c de']);
      assert.deepEqual(splitWords(''), []);
    });

    it('default to TypeScript and npm', () => {
      assert.deepEqual(parseOptions({}), { typescript: true, production: false, nodeargs: [] });
    });

    it('of a wrong type say what was expected', () => {
      assert.throws(() => parseOptions({ typescript: 'yes' }), /typescript: expected true or false, found "yes"/);
      assert.throws(() => parseOptions({ packagemanager: 'yarn' }), /packagemanager: expected npm, found yarn/);
    });
  });

  describe('a program', () => {
    it('is run by the SDK with what the request says', () => {
      const { args, env } = programCommand(runRequest().setDryrun(true), '127.0.0.1:2');
      assert.match(args[0] ?? '', /@pulumi\/pulumi\/cmd\/run\/index\.js$/);
      const flags = '--monitor 127.0.0.1:1 --engine 127.0.0.1:2 --project p';
      assert.ok(args.join(' ').includes(flags));
      assert.deepEqual(args.slice(-4), ['--parallel', '16', '--dry-run', '.']);
      assert.equal(env['PULUMI_NODEJS_TYPESCRIPT'], 'true');
    });

    it('gets its configuration where the process list does not show it', () => {
      const { args, env } = programCommand(runRequest(), '127.0.0.1:2');
      assert.equal(env['PULUMI_CONFIG'], '{"p:config:token":"hunter2"}');
      assert.equal(env['PULUMI_CONFIG_SECRET_KEYS'], '["p:token"]');
      assert.ok(!args.join(' ').includes('hunter2'));
    });

    it('without an installed SDK is refused, saying what to run', () => {
      assert.throws(() => programCommand(runRequest(folder.path), ''), /run "npm ci" there first/);
    });

    it('that has told the user itself is left at that', () => {
      assert.deepEqual(outcomeOf(0, null), { error: '', bail: false });
      assert.deepEqual(outcomeOf(32, null), { error: '', bail: true });
      assert.equal(outcomeOf(7, null).error, 'Program exited with non-zero exit code: 7');
      assert.equal(outcomeOf(null, 'SIGKILL').error, 'Program was ended by SIGKILL');
    });
  });

  describe('dependencies', () => {
    const write = (name: string, content: unknown) => writeFileSync(join(folder.path, name), JSON.stringify(content));

    it('come from the lock file above, direct ones or all', () => {
      write('package.json', { dependencies: { a: '^1.0.0' }, devDependencies: { '@b/c': '*' } });
      write('package-lock.json', {
        packages: {
          '': { version: '9.9.9' },
          'node_modules/a': { version: '1.2.3' },
          'node_modules/@b/c': { version: '2.0.0' },
          'node_modules/a/node_modules/d': { version: '3.0.0' },
        },
      });
      mkdirSync(join(folder.path, 'program'));
      const direct = [
        { name: 'a', version: '1.2.3' },
        { name: '@b/c', version: '2.0.0' },
      ];
      assert.deepEqual(programDependencies(join(folder.path, 'program'), false), direct);
      assert.deepEqual(programDependencies(folder.path, true), [...direct, { name: 'd', version: '3.0.0' }]);
    });

    it('without a lock file say what to run', () => {
      assert.throws(
        () => programDependencies(folder.path, false),
        /expected a package-lock\.json .* run "npm install"/,
      );
    });
  });

  describe('over gRPC', () => {
    let server: Server;
    let client: LanguageRuntimeClient;

    beforeEach(async () => {
      server = new Server();
      server.addService(LanguageRuntimeService, languageService(new LanguageHost(() => undefined, [])));
      const listen = promisify(server.bindAsync.bind(server));
      const port = await listen('127.0.0.1:0', ServerCredentials.createInsecure());
      client = new LanguageRuntimeClient(`127.0.0.1:${port}`, credentials.createInsecure());
    });

    afterEach(() => {
      client.close();
      server.forceShutdown();
    });

    it('says which Node it uses', async () => {
      const about = await new Promise<AboutResponse>((resolve, reject) => {
        client.about(new AboutRequest(), (error, response) => (error ? reject(error) : resolve(response)));
      });
      assert.deepEqual([about.getExecutable(), about.getVersion()], [process.execPath, process.version]);
    });

    it('answers a program that cannot be started with an error for the user', async () => {
      const response = await new Promise<RunResponse>((resolve, reject) => {
        client.run(runRequest(folder.path), (error, answer) => (error ? reject(error) : resolve(answer)));
      });
      assert.match(response.getError(), /run "npm ci" there first/);
    });

    it('names who generates code instead', async () => {
      const error = await new Promise<ServiceError | null>((resolve) => {
        client.generatePackage(new GeneratePackageRequest(), resolve);
      });
      assert.equal(error?.code, status.UNIMPLEMENTED);
      assert.match(error.details, /GeneratePackage .*use the language host of the Pulumi CLI's own release/);
    });

    it('fails an install that npm fails', async () => {
      writeFileSync(join(folder.path, 'package.json'), 'not JSON');
      const info = new ProgramInfo().setProgramDirectory(folder.path);
      const call = client.installDependencies(new InstallDependenciesRequest().setInfo(info));
      let told = '';
      call.on(
        'data',
        (part: { getStderr_asU8(): Uint8Array }) => (told += Buffer.from(part.getStderr_asU8()).toString()),
      );
      const error = await new Promise<ServiceError>((resolve) => call.once('error', resolve));
      assert.match(error.details, /npm install exited with code \d+/);
      assert.match(told, /JSON/);
    });
  });
});
