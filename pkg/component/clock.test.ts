import { pbkdf2 } from 'node:crypto';
import { open } from 'node:fs/promises';
import { promisify } from 'node:util';
import t from 'tap';
import { FakeClock } from './clock.js';

/** As many as libuv has threads: what comes after them waits. */
const THREADS = 4;

t.test(
  'time stands still while a file is opened or closed, however busy the machine is',
  async (t) => {
    const clock = new FakeClock();
    const busy = () => {
      const work = promisify(pbkdf2);
      return Promise.all(
        Array.from({ length: THREADS }, () => work('password', 'salt', 20_000, 32, 'sha512')),
      );
    };
    const done: string[] = [];
    let others = busy();
    const opening = open('/dev/null').then((file) => {
      done.push('open');
      return file;
    });
    await clock.advance(0);
    t.same(done, ['open']);
    const file = await opening;
    await others;
    others = busy();
    const closing = file.close().then(() => done.push('close'));
    await clock.advance(0);
    t.same(done, ['open', 'close']);
    await Promise.all([others, closing]);
  },
);
