import assert from 'node:assert/strict';
import { Closers } from '../../../lab/daemon/closers.js';

describe('closers', () => {
  it('end everything once, the last one first, after telling all that wait', async () => {
    const closers = new Closers();
    const ended: string[] = [];
    closers.signal.addEventListener('abort', () => ended.push('told'));
    closers.add(() => ended.push('first'));
    closers.add(async () => {
      await Promise.resolve();
      ended.push('second');
    });
    await Promise.all([closers.close(), closers.close()]);
    assert.deepEqual(ended, ['told', 'second', 'first']);
  });

  it('go on when one of them fails, and tell of it', async () => {
    const closers = new Closers();
    let ended = false;
    closers.add(() => (ended = true));
    closers.add(() => {
      throw new Error('stuck');
    });
    await assert.rejects(closers.close(), /stuck/);
    assert.equal(ended, true);
  });
});
