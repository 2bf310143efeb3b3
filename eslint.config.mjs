import js from '@eslint/js';
import importX from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

/**
 * Imports run in one direction (docs/architecture.md):
 *   config -> components (-> lifecycle -> operations) -> index.ts;  driver -> config, operations, the stack;  lab -> nothing of ours.
 */
const zones = [
  { target: './config', from: ['./components', './lifecycle', './operations', './driver', './lab', './policies'] },
  { target: './lifecycle', from: ['./components', './config', './driver', './lab', './policies'] },
  { target: './components', from: ['./driver', './lab', './policies', './index.ts'] },
  { target: './operations', from: ['./components', './config', './lifecycle', './driver', './lab', './policies'] },
  { target: './driver', from: ['./components', './lifecycle', './lab', './policies', './index.ts'] },
  { target: './policies', from: ['./components', './lifecycle', './driver', './lab', './operations', './index.ts'] },
  { target: './lab', from: ['./components', './config', './lifecycle', './driver', './operations', './policies'] },
  { target: './index.ts', from: ['./driver', './lab', './lifecycle', './operations', './policies'] },
].map((zone) => ({ ...zone, message: 'imports run in one direction: see docs/architecture.md' }));

const packages = (names, message) => ({ patterns: names.map((name) => ({ group: [name, `${name}/*`], message })) });

export default tseslint.config(
  { ignores: ['**/dist/**', 'build/**', 'sdks/talos/bin/**', 'node_modules/**'] },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    plugins: { 'import-x': importX },
    languageOptions: {
      parserOptions: {
        project: ['./tsconfig.json', './operations/tsconfig.json', './lab/tsconfig.json', './sdks/talos/tsconfig.json'],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      'import-x/no-restricted-paths': ['error', { zones }],
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
  {
    files: ['operations/**/*.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        packages(['@pulumi', '@prox-ops/lab'], 'operations is a plain library'),
      ],
    },
  },
  {
    files: ['lab/**/*.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        packages(['@prox-ops/operations', '@prox-ops/driver'], 'the lab shares no code with what it watches'),
      ],
    },
  },
  {
    files: [
      'config/**/*.ts',
      'components/**/*.ts',
      'lifecycle/**/*.ts',
      'operations/**/*.ts',
      'driver/**/*.ts',
      'index.ts',
    ],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector: "Literal[value='@prox-ops/lab']",
          message: 'no file outside lab/ and test/ knows that the lab exists',
        },
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
