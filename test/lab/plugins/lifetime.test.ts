import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { ResourceProviderClient } from '@pulumi/pulumi/proto/provider_grpc_pb.js';
import { CreateRequest } from '@pulumi/pulumi/proto/provider_pb.js';
import type { CreateResponse } from '@pulumi/pulumi/proto/provider_pb.js';
import { decode, encode } from '../../../lab/plugins/protocol/values.js';

const BIN = resolve(__dirname, '../../../lab/plugins/bin');

/** Starts a plugin as the engine does. @returns it and the port on its first line. */
async function start(name: string, engine: string): Promise<{ child: ChildProcess; port: number }> {
  const child = spawn(`${BIN}/pulumi-resource-${name}`, [engine], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, port: Number(String(line).trim()) };
}

describe('a plugin process', () => {
  for (const name of ['proxmoxve', 'talos', 'kubernetes', 'command']) {
    it(`${name} prints its port alone and ends on SIGTERM`, async () => {
      const { child, port } = await start(name, '127.0.0.1:1');
      assert.ok(port > 0 && port < 65_536);
      child.kill('SIGTERM');
      const [, signal] = (await once(child, 'exit')) as [number | null, string | null];
      assert.equal(signal, 'SIGTERM');
    });
  }

  it('outlives its engine and finishes what it was doing', async () => {
    const engine = new grpc.Server();
    const address = await new Promise<number>((done, fail) =>
      engine.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) =>
        error ? fail(error) : done(port),
      ),
    );
    const { child, port } = await start('command', `127.0.0.1:${address}`);
    const client = new ResourceProviderClient(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
    try {
      const request = new CreateRequest()
        .setUrn('urn:pulumi:test::plugins::command:local:Command::thing')
        .setProperties(encode({ create: 'read line; echo "$line"; sleep 0.2; echo done', stdin: 'begun\n' }));
      const created = new Promise<CreateResponse>((done, fail) => {
        client.create(request, (error, response) => (error ? fail(error) : done(response)));
      });
      engine.forceShutdown();
      assert.equal(decode((await created).getProperties())['stdout'], 'begun\ndone');
    } finally {
      client.close();
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
  });
});
