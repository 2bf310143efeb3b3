// A run of its own, for tests of two at once: makes the tool given as JSON and prints each event as a line of JSON.
import { ensureSpecs } from '../../../lab/tools/ensure';
import type { ToolSpec } from '../../../lab/tools/spec';

const [cacheDir = '', json = ''] = process.argv.slice(2);
const spec = JSON.parse(json) as Omit<ToolSpec, 'probe'>;
const probe = { args: ['--version'], pattern: /^fake (v\S+)/m };
void ensureSpecs([{ ...spec, probe }], {
  cacheDir,
  progress: (event) => console.log(JSON.stringify(event)),
});
