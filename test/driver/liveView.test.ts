import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { RunLog } from '../../driver/runLog';
import { liveView } from '../../driver/views/live';
import { nodesOf, OPENED, started } from '../support/events';

/** What a whole view has written to a terminal of that size. */
function written(size: { columns: number; rows: number }): string {
  const directory = mkdtempSync(join(tmpdir(), 'prox-ops-live-'));
  try {
    const log = new RunLog(directory, 'run');
    const screen = Object.assign(new PassThrough(), size, { isTTY: true });
    const view = liveView(log, screen as unknown as NodeJS.WriteStream);
    log.emit(OPENED);
    log.emit(started(nodesOf(3)));
    view.close();
    return stripVTControlCharacters(String(screen.read()));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

describe('driver/views/live', () => {
  it('shows the nodes as wide as the terminal', () => {
    assert.match(written({ columns: 100, rows: 30 }), /· k8s-ctrl-1 {2}v1\.11\.3 -> v1\.12\.4/);
    assert.match(written({ columns: 12, rows: 30 }), /· k8s-ctrl…/);
  });

  it('a terminal that does not know its size, as a serial console, shows them too', () => {
    assert.match(written({ columns: 0, rows: 0 }), /· k8s-ctrl-1 {2}v1\.11\.3 -> v1\.12\.4/);
  });
});
