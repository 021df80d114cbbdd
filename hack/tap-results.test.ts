import t from 'tap';
import { tapResults } from './tap-results.js';

/** A run of three files as tap writes it. */
const RUN = `TAP version 14
1..3
# Subtest: dist/good.test.js
    # Subtest: a table
        ok 1 - a row
        ok 2 - a row left out # SKIP no engine
        1..2
    ok 1 - a table # time=1.5ms
    
    # Subtest: nothing asserted, nothing thrown
        1..0
    ok 2 - nothing asserted, nothing thrown # time=1ms
    
    not ok 3 - some day # TODO not built
    1..3
ok 1 - dist/good.test.js # time=30.1ms

# Subtest: dist/bad.test.js
    # Subtest: a group
        ok 1 - fine
        # Subtest: deeper
            not ok 1 - numbers agree
              ---
              diff: |
                -2
                +1
              ...
            
            1..1
        not ok 2 - deeper # time=2ms
          ---
          at: elsewhere
          ...
        1..2
    not ok 1 - a group # time=3ms
    1..1
not ok 2 - dist/bad.test.js # time=40ms
  ---
  exitCode: 1
  ...

# Subtest: dist/slow.test.js
    # Subtest: waits
        ok 1 - begun
        1..1
    not ok 1 - timeout!
      ---
      signal: SIGTERM
      ...
    1..1
not ok 3 - dist/slow.test.js # time=30000ms
# { total: 8, pass: 4, fail: 2, skip: 1, todo: 1 }
`;

t.test('counts are of assertions, a file at a time', async (t) => {
  const results = tapResults(RUN);
  t.strictSame(
    results.map(({ file, ok, pass, fail, skip }) => ({ file, ok, pass, fail, skip })),
    [
      { file: 'dist/good.test.js', ok: true, pass: 2, fail: 0, skip: 2 },
      { file: 'dist/bad.test.js', ok: false, pass: 1, fail: 1, skip: 0 },
      { file: 'dist/slow.test.js', ok: false, pass: 1, fail: 1, skip: 0 },
    ],
  );
  t.strictSame(
    results.flatMap(({ failures }) => failures),
    [
      {
        path: ['a group', 'deeper', 'numbers agree'],
        details: ['---', 'diff: |', '  -2', '  +1', '...', ''],
      },
      { path: ['timeout!'], details: ['---', 'signal: SIGTERM', '...'] },
    ],
    'each failure once, with its names and what tap says of it',
  );
});

t.test('an empty run has no results', async (t) => {
  t.strictSame(tapResults(''), []);
});
