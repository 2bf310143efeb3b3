/** The `runtime.options` of a Pulumi.yaml that this host honours. */
export interface NodeOptions {
  /** Whether the program may be TypeScript; by default it may. */
  readonly typescript: boolean;
  /** Path of the tsconfig.json to use instead of the program's own. */
  readonly tsconfig?: string;
  /** Arguments for Node itself. */
  readonly nodeargs: readonly string[];
  /** Whether development dependencies are left out of an install. */
  readonly production: boolean;
}

/** Reads the options. @throws Error for a value of the wrong type, or a package manager other than npm. */
export function parseOptions(options: Readonly<Record<string, unknown>>): NodeOptions {
  const manager = textOption(options, 'packagemanager') ?? 'auto';
  if (manager !== 'auto' && manager !== 'npm') {
    throw new Error(`runtime option packagemanager: expected npm, found ${manager}; this language host knows no other`);
  }
  const tsconfig = textOption(options, 'tsconfig');
  return {
    typescript: flagOption(options, 'typescript') ?? true,
    production: flagOption(options, 'production') ?? false,
    nodeargs: splitWords(textOption(options, 'nodeargs') ?? ''),
    ...(tsconfig === undefined ? {} : { tsconfig }),
  };
}

/** The environment that the SDK's runners read these options from. */
export function optionsEnv(options: NodeOptions): Record<string, string> {
  return {
    ...(options.typescript ? { PULUMI_NODEJS_TYPESCRIPT: 'true' } : {}),
    ...(options.tsconfig === undefined ? {} : { PULUMI_NODEJS_TSCONFIG_PATH: options.tsconfig }),
  };
}

/** Splits a command line at spaces, as a shell does: a part in quotes may hold spaces. */
export function splitWords(text: string): string[] {
  const words = text.match(/(?:[^\s"']|"[^"]*"|'[^']*')+/g) ?? [];
  return words.map((word) =>
    word.replace(/"([^"]*)"|'([^']*)'/g, (_, double?: string, single?: string) => double ?? single ?? ''),
  );
}

function flagOption(options: Readonly<Record<string, unknown>>, name: string): boolean | undefined {
  const value = options[name];
  if (value !== undefined && typeof value !== 'boolean') {
    throw new Error(`runtime option ${name}: expected true or false, found ${JSON.stringify(value)}`);
  }
  return value;
}

function textOption(options: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const value = options[name];
  if (value !== undefined && typeof value !== 'string') {
    throw new Error(`runtime option ${name}: expected a text, found ${JSON.stringify(value)}`);
  }
  return value;
}
