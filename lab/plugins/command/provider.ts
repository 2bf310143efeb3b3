import type { Failure, FunctionCall, Provider, Resource } from '../protocol/provider.js';
import type { PropertyMap } from '../protocol/values.js';
import { CommandResource, run } from './resource.js';

/** The command provider, its local half. */
export class CommandProvider implements Provider {
  readonly name = 'command';
  readonly version = '1.2.1';
  readonly acceptSecrets = true;

  private readonly local = new CommandResource();

  configure(): void {}

  resource(type: string): Resource | undefined {
    return type === 'command:local:Command' ? this.local : undefined;
  }

  function(token: string): ((call: FunctionCall) => Promise<PropertyMap | Failure[]>) | undefined {
    return token === 'command:local:run' ? run : undefined;
  }

  schema(): object {
    return { name: this.name, version: this.version, resources: {}, functions: {} };
  }
}
