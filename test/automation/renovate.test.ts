import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pins } from '../../config/pins';
import { type CustomManager, renovateConfig } from '../support/renovate';
import { REPOSITORY } from '../support/stack-files';

type Found = Record<string, string | undefined>;

/** As Renovate uses a manager: every match of each text, and its groups. */
function matches({ matchStrings }: CustomManager, text: string): Found[] {
  return matchStrings.flatMap((pattern) =>
    [...text.matchAll(new RegExp(pattern, 'gm'))].map(({ groups }) => ({ ...groups })),
  );
}

describe("Renovate's custom managers", () => {
  const [versions, images] = renovateConfig().customManagers as [CustomManager, CustomManager];
  const file = readFileSync(join(REPOSITORY, 'versions.yaml'), 'utf8');
  const both = (text: string) => [...matches(versions, text), ...matches(images, text)];

  it('read versions.yaml and no other file of the repository', () => {
    const files = execFileSync('git', ['ls-files'], { cwd: REPOSITORY, encoding: 'utf8' }).split('\n');
    for (const { fileMatch } of [versions, images]) {
      const read = files.filter((name) => fileMatch.some((pattern) => new RegExp(pattern).test(name)));
      assert.deepEqual(read, ['versions.yaml']);
      for (const name of ['docs/versions.yaml', 'versions.yaml.orig', 'versions_yaml'])
        assert.ok(!fileMatch.some((pattern) => new RegExp(pattern).test(name)), name);
    }
  });

  it('find every version and every image in it, each once', () => {
    const { release, extensions, tools, images: whole } = pins();
    const found = matches(versions, file);
    assert.deepEqual(
      found.map(({ currentValue }) => currentValue),
      [...Object.values(release), ...Object.values(extensions), ...Object.values(tools)],
    );
    const pinned = matches(images, file).map(({ depName, currentValue, currentDigest }) => {
      const digest = currentDigest === undefined ? '' : `@${currentDigest}`;
      return `${depName}:${currentValue}${digest}`;
    });
    assert.deepEqual(pinned, Object.values(whole));
    assert.equal([...file.matchAll(/^ +# renovate:/gm)].length, found.length + pinned.length);
  });

  it('know where each is published', () => {
    const [talos, kubernetes, drbd] = matches(versions, file);
    assert.deepEqual(talos, {
      datasource: 'github-releases',
      depName: 'siderolabs/talos',
      currentValue: pins().release.talos,
    });
    assert.equal(kubernetes?.depName, 'ghcr.io/siderolabs/kubelet');
    assert.deepEqual([drbd?.datasource, drbd?.depName], ['docker', 'ghcr.io/siderolabs/drbd']);
  });

  it('name an extension in their comment as its line does, so that none gets the version of another', () => {
    for (const name of Object.keys(pins().extensions))
      assert.match(file, new RegExp(`depName=ghcr\\.io/${name}\\n +${name}: `));
  });

  it('read a digest and a pre-release as they are', () => {
    const digest = `sha256:${'0123456789abcdef'.repeat(4)}`;
    assert.deepEqual(matches(images, `  # renovate: datasource=docker\n  runner: ghcr.io/a/b:2.1.0@${digest}\n`), [
      { datasource: 'docker', depName: 'ghcr.io/a/b', currentValue: '2.1.0', currentDigest: digest },
    ]);
    const next = file.replace(`talos: ${pins().release.talos}`, 'talos: v1.12.0-rc.1');
    assert.equal(matches(versions, next)[0]?.currentValue, 'v1.12.0-rc.1');
  });

  const negative: Record<string, string> = {
    'a version without its comment': '  talos: v1.11.3\n',
    'a comment without a name': '  # renovate: datasource=github-releases\n  talos: v1.11.3\n',
    'a comment for another tool': '  # updates: datasource=github-releases depName=a/b\n  talos: v1.11.3\n',
    'a version that is none': '  # renovate: datasource=github-releases depName=a/b\n  talos: latest\n',
    'a mapping in between': '  # renovate: datasource=github-releases depName=a/b\n  talos:\n    x: v1.11.3\n',
    'an empty line in between': '  # renovate: datasource=github-releases depName=a/b\n\n  talos: v1.11.3\n',
    'a version that is commented out': '  # renovate: datasource=github-releases depName=a/b\n  # talos: v1.11.3\n',
    'something after the version': '  # renovate: datasource=github-releases depName=a/b\n  talos: v1.11.3 # why\n',
    'an image without a tag': '  # renovate: datasource=docker\n  csi: quay.io/a/b\n',
    'an image without a registry': '  # renovate: datasource=docker\n  csi: csi:v1\n',
    'half a digest': '  # renovate: datasource=docker\n  csi: quay.io/a/b:v1@sha256:abc\n',
  };
  for (const [what, text] of Object.entries(negative))
    it(`do not take ${what}`, () => {
      assert.deepEqual(both(text), []);
    });
});
