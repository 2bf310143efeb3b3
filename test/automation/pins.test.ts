import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Ajv from 'ajv';
import { parse } from 'yaml';
import { parsePins, pins, pinsFile, pinsSchema, pinnedImage } from '../../config/pins';
import { catalog } from '../../lab/tools/catalog';
import { pinsFile as labPinsFile } from '../../lab/tools/pins';
import { REPOSITORY } from '../support/stack-files';

/** Where each program's module stands in its go.mod. */
const GO_MODULES: Record<string, [folder: string, module: string]> = {
  pulumi: ['pulumi', 'github.com/pulumi/pulumi/pkg/v3'],
  talosctl: ['talosctl', 'github.com/siderolabs/talos'],
  etcd: ['etcd', 'go.etcd.io/etcd/server/v3'],
  kubernetes: ['kubernetes', 'k8s.io/kubernetes'],
  kwok: ['kwok', 'sigs.k8s.io/kwok'],
  versitygw: ['versitygw', 'github.com/versity/versitygw'],
  actionlint: ['actionlint', 'github.com/rhysd/actionlint'],
};

const text = () => readFileSync(join(REPOSITORY, 'versions.yaml'), 'utf8');

describe('pinned versions', () => {
  it('are read by the program and by the lab from the same file', () => {
    assert.equal(pinsFile(), join(REPOSITORY, 'versions.yaml'));
    assert.equal(labPinsFile(), pinsFile());
    assert.equal(pinnedImage('piraeus-csi'), pins().images['piraeus-csi']);
  });

  it('are what the Go programs are built from', () => {
    assert.deepEqual(Object.keys(GO_MODULES).sort(), Object.keys(pins().tools).sort());
    assert.deepEqual(
      Object.values(GO_MODULES)
        .map(([folder]) => folder)
        .sort(),
      readdirSync(join(REPOSITORY, 'lab/tools'), { withFileTypes: true })
        .filter((entry) => entry.isDirectory() && readdirSync(join(entry.parentPath, entry.name)).includes('go.mod'))
        .map(({ name }) => name)
        .sort(),
    );
    for (const [tool, [folder, module]] of Object.entries(GO_MODULES)) {
      const sources = readFileSync(join(REPOSITORY, 'lab/tools', folder, 'go.mod'), 'utf8');
      const required = new RegExp(`^\\s*${module} (v\\S+)`, 'm').exec(sources)?.[1];
      assert.equal(required, pins().tools[tool], `${tool}: versions.yaml and lab/tools/${folder}/go.mod`);
    }
  });

  it('are what the catalog of the lab hands out', () => {
    const tools = catalog();
    for (const name of ['kube-apiserver', 'kube-scheduler', 'kubectl'] as const)
      assert.equal(tools[name].version, pins().tools.kubernetes);
    for (const name of ['pulumi', 'talosctl', 'etcd', 'kwok', 'versitygw', 'actionlint'] as const)
      assert.equal(tools[name].version, pins().tools[name]);
    assert.deepEqual(tools.talosctl.accepts, { from: 'v1.13.0', below: '1.14.0' });
  });

  it('keep the engine at the version of its SDK in package.json', () => {
    const { dependencies } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as {
      dependencies: Record<string, string>;
    };
    assert.equal(`v${dependencies['@pulumi/pulumi']}`, pins().tools.pulumi);
  });

  it('name every extension that the production stack has, and no other', () => {
    const stack = parse(readFileSync(join(REPOSITORY, 'Pulumi.prod.yaml'), 'utf8')) as {
      config: { 'prox-ops:talos': { extensions: Record<string, string[]> } };
    };
    const used = new Set(Object.values(stack.config['prox-ops:talos'].extensions).flat());
    assert.deepEqual(Object.keys(pins().extensions).sort(), [...used].sort());
  });

  it('have a schema for editors that is committed as it is made (npm run schema) and takes the file', () => {
    const committed = readFileSync(join(REPOSITORY, 'schemas/versions.schema.json'), 'utf8');
    assert.equal(committed, `${JSON.stringify(pinsSchema(), null, 2)}\n`);
    const validate = new Ajv().compile(pinsSchema());
    assert.equal(validate(parse(text())), true, JSON.stringify(validate.errors));
    assert.equal(validate({ ...parse(text()), tools: { pulumi: 'latest' } }), false);
  });
});

describe('a wrong versions.yaml', () => {
  const refused = (change: (text: string) => string, expected: RegExp) => {
    const changed = change(text());
    assert.notEqual(changed, text());
    assert.throws(() => parsePins(changed, 'versions.yaml'), expected);
  };

  it('is refused with every problem at once, each with its path, what was expected and what was found', () => {
    assert.throws(
      () => parsePins('release: {talos: latest}\nextensions: {}\ntools: {pulumi: 3}\nimages: {x: y}\nmore: 1\n', 'f'),
      {
        message: [
          'f: 5 problems:',
          '  release.talos: expected a pinned version like v1.12.0, found "latest"',
          '  release.kubernetes: expected a pinned version like v1.12.0, found nothing',
          '  tools.pulumi: expected a pinned version like v1.12.0, found 3',
          '  images.x: expected an image with registry and tag, like quay.io/name/image:v1.2.3, found "y"',
          "  expected no other key here, found 'more'",
        ].join('\n'),
      },
    );
  });

  it('is refused for a floating version, a misspelt name, a list, and what is no YAML', () => {
    refused((file) => file.replace('pulumi: v3.200.0', 'pulumi: 3.x'), /tools\.pulumi: expected a pinned version/);
    refused((file) => file.replace('siderolabs/drbd: 9', 'drbd: 9'), /extension, like siderolabs\/drbd, found 'drbd'/);
    refused((file) => file.replace(/^tools:/m, 'tools: []\nx:'), /tools: expected a mapping, found \[\]/);
    refused((file) => `${file}\n  - x\n`, /versions\.yaml: \d+ problem/);
    assert.throws(() => parsePins('', 'f'), { message: 'f: 1 problem:\n  expected a mapping, found null' });
  });

  it('tells the names that there are when an image is asked for that is none', () => {
    assert.throws(
      () => pinnedImage('no-such'),
      /versions\.yaml: .*\n {2}images: expected 'no-such', found .*piraeus-csi/,
    );
  });
});
