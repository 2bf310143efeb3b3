import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ServiceDefinition } from '@grpc/grpc-js';
import { loadSync, type MessageTypeDefinition, type PackageDefinition } from '@grpc/proto-loader';

const FILES = ['machine', 'lifecycle', 'image', 'cluster', 'storage', 'cosi', 'resources', 'time'];

/** 64-bit numbers as decimal strings: member ids are above 2^53. */
const OPTIONS = { keepCase: true, longs: String, enums: String, defaults: true, oneofs: true };

/** The services a Talos machine serves, by their full names. */
export const SERVICES = [
  'machine.MachineService',
  'machine.LifecycleService',
  'machine.ImageService',
  'cluster.ClusterService',
  'storage.StorageService',
  'cosi.resource.State',
  'time.TimeService',
] as const;
export type ServiceName = (typeof SERVICES)[number];

let loaded: PackageDefinition | undefined;

export function serviceDefinition(name: ServiceName): ServiceDefinition {
  return definitions()[name] as ServiceDefinition;
}

/** A message in protobuf's binary form, by its full name. */
export function encode(message: string, value: object): Buffer {
  return (definitions()[message] as MessageTypeDefinition<object, object>).serialize(value);
}

export function decode(message: string, bytes: Buffer): unknown {
  return (definitions()[message] as MessageTypeDefinition<object, object>).deserialize(bytes);
}

function definitions(): PackageDefinition {
  const directory = protoDirectory();
  loaded ??= loadSync(
    FILES.map((file) => join(directory, `${file}.proto`)),
    { ...OPTIONS, includeDirs: [directory] },
  );
  return loaded;
}

/** The .proto files lie beside the source: the compiler does not copy them to where this file runs from. */
function protoDirectory(): string {
  let root = __dirname;
  while (!existsSync(join(root, 'package.json'))) root = dirname(root);
  return join(root, 'talos', 'proto');
}
