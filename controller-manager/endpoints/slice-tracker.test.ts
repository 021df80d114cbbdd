import t from 'tap';
import type { EndpointSlice } from '../../pkg/api/types.js';
import { FakeClock } from '../../pkg/component/clock.js';
import { SliceTracker } from './slice-tracker.js';

function slice(uid: string, generation = 1): EndpointSlice {
  return { metadata: { uid, generation }, addressType: 'IPv4', endpoints: [] };
}

t.test('a cache is stale until it shows what was written', async (t) => {
  const clock = new FakeClock();
  const tracker = new SliceTracker(clock);
  const stale = (...cached: EndpointSlice[]) => tracker.isStale('a/web', cached);
  t.notOk(stale(slice('other')), 'nothing was written');
  tracker.written('a/web', slice('s'));
  t.ok(stale(), 'it was made');
  t.notOk(stale(slice('s')));
  t.notOk(tracker.isStale('a/db', []), 'of another Service');
  tracker.written('a/web', slice('s', 2));
  t.ok(stale(slice('s')), 'it was changed');
  t.notOk(stale(slice('s', 3)), 'and again by somebody else');
  tracker.deleted('a/web', slice('s', 3));
  t.ok(stale(slice('s', 3)), 'it was removed');
  t.notOk(stale());
  tracker.written('a/web', slice('t'));
  await clock.advance(5000);
  t.notOk(stale(), 'some time later the cache is right');
});

t.test('what others do to a slice is told from what was done here', async (t) => {
  const tracker = new SliceTracker(new FakeClock());
  t.notOk(tracker.isOwn('a/web', slice('s')), 'a slice of an earlier run');
  tracker.written('a/web', slice('s', 2));
  t.ok(tracker.isOwn('a/web', slice('s')));
  t.ok(tracker.isOwn('a/web', slice('s', 2)));
  t.notOk(tracker.isOwn('a/web', slice('s', 3)), 'somebody has changed it');
  tracker.gone('a/web', slice('s', 3));
  t.notOk(tracker.isStale('a/web', []), 'or removed it');
});
