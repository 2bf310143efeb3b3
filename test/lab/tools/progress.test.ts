import assert from 'node:assert/strict';
import { duration, printProgress, type ToolEvent } from '../../../lab/tools/progress';

describe('progress of the tools', () => {
  const subject = { index: 2, total: 8, name: 'etcd', version: 'v3.7.3' };
  const events: ToolEvent[] = [
    { kind: 'phase', phase: 'downloading', detail: '1 MB of 20 MB', ...subject },
    { kind: 'phase', phase: 'downloading', detail: '2 MB of 20 MB', ...subject },
    { kind: 'note', text: 'no download: example.org is out of reach', ...subject },
    { kind: 'phase', phase: 'building', detail: 'Go', ...subject },
    { kind: 'ready', source: 'build', path: '/x/etcd', ms: 80_000, ...subject },
    { kind: 'finished', total: 8, ms: 81_000 },
  ];

  function print(isTTY: boolean): string {
    let text = '';
    const report = printProgress({ isTTY, columns: 80, write: (part) => (text += part) });
    events.forEach(report);
    return text;
  }

  it('is plain lines where nobody can rewrite one, without one for every megabyte', () => {
    assert.deepEqual(print(false).split('\n'), [
      '[2/8] etcd v3.7.3: downloading (1 MB of 20 MB) …',
      '[2/8] etcd v3.7.3: no download: example.org is out of reach',
      '[2/8] etcd v3.7.3: building (Go) …',
      '[2/8] etcd v3.7.3: built in 1m20s',
      '8 tools ready in 1m21s',
      '',
    ]);
  });

  it('rewrites its line on a terminal and leaves the outcome', () => {
    const lines = print(true).split('\n');
    assert.deepEqual(
      lines.map((line) => line.split('\r\u001b[K').at(-1)),
      [
        '[2/8] etcd v3.7.3: no download: example.org is out of reach',
        '[2/8] etcd v3.7.3: built in 1m20s',
        '8 tools ready in 1m21s',
        '',
      ],
    );
    assert.match(lines[0] ?? '', /2 MB of 20 MB/);
  });

  it('says durations as people do', () => {
    assert.deepEqual([430, 12_300, 59_700, 65_000].map(duration), ['0.4 s', '12 s', '1m00s', '1m05s']);
  });
});
