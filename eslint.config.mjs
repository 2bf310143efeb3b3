import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/**
 * Imports run in one direction (docs/architecture.md):
 *   config -> components (-> lifecycle -> operations) -> index.ts;  driver -> config, operations, the stack;  lab -> nothing of ours.
 */
const FORBIDDEN = {
  config: ['components', 'lifecycle', 'operations', 'driver', 'lab', 'policies'],
  lifecycle: ['components', 'config', 'driver', 'lab', 'policies'],
  components: ['backend', 'driver', 'lab', 'policies', 'index'],
  backend: ['config', 'lifecycle', 'operations', 'driver', 'lab', 'policies', 'index'],
  operations: ['components', 'config', 'lifecycle', 'driver', 'lab', 'policies'],
  driver: ['components', 'lifecycle', 'lab', 'policies', 'index'],
  policies: ['components', 'lifecycle', 'driver', 'lab', 'operations', 'index'],
  lab: ['components', 'config', 'lifecycle', 'driver', 'operations', 'policies', 'index'],
};

/** Packages of ours that a folder must not import, beside the folders themselves. */
const FORBIDDEN_PACKAGES = {
  operations: '^(@pulumi/|@pulumiverse/|@prox-ops/)',
  lab: '^@prox-ops/(operations|driver)',
};

const NOT_LAB = '^@prox-ops/lab';

const directions = Object.entries(FORBIDDEN).map(([folder, others]) => ({
  files: [`${folder}/**/*.ts`],
  rules: {
    '@typescript-eslint/no-restricted-imports': [
      'error',
      {
        patterns: [
          {
            regex: `^(\\.\\./)+(${others.join('|')})(/|$)`,
            message: 'imports run in one direction: docs/architecture.md',
          },
          {
            regex: FORBIDDEN_PACKAGES[folder] ?? NOT_LAB,
            message: 'imports run in one direction: docs/architecture.md',
          },
        ],
      },
    ],
  },
}));

/** Calls of the Automation API that put secrets where others can read them. */
const LEAKS = [
  ['importStack', 'it leaves the state in plain text in a file that all may read: importState of driver/pulumiCli.ts'],
  [
    'setConfig',
    "it puts the value on the CLI's command line: standard input, as driver/talosSecrets/proxmoxToken.ts has it",
  ],
];

export default tseslint.config(
  { ignores: ['**/dist/**', 'build/**', 'sdks/talos/bin/**', 'node_modules/**'] },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: {
      parserOptions: {
        project: ['./tsconfig.json', './operations/tsconfig.json', './lab/tsconfig.json', './sdks/talos/tsconfig.json'],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/consistent-type-imports': [
        'error',
        { fixStyle: 'inline-type-imports', disallowTypeAnnotations: false },
      ],
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': [
        'error',
        { checksVoidReturn: { arguments: false, attributes: false } },
      ],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      eqeqeq: 'error',
      'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
    },
  },
  ...directions,
  {
    files: ['driver/**/*.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        ...LEAKS.map(([name, message]) => ({
          selector: `CallExpression > MemberExpression.callee[property.name='${name}']`,
          message,
        })),
      ],
    },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      // describe() and it() of mocha return nothing to await; assertions on promises are awaited by assert.rejects.
      '@typescript-eslint/no-unused-expressions': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/require-await': 'off',
    },
  },
  {
    files: ['**/*.js', '**/*.mjs'],
    languageOptions: {
      globals: {
        require: 'readonly',
        module: 'readonly',
        process: 'readonly',
        console: 'readonly',
        __dirname: 'readonly',
      },
    },
  },
);
