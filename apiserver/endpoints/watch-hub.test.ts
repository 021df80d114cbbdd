import t from 'tap';
import { FakeClock } from '../../pkg/component/clock.js';
import { configMap } from '../registry/resources/config-map.js';
import { ObjectCodec } from '../storage/stored-object.js';
import { selection } from './selection.js';
import { unframe, WatchHub } from './watch-hub.js';

t.test('events in a row share a write, one after a pause is sent at once', async (t) => {
  const clock = new FakeClock();
  const hub = new WatchHub({ subscribe: () => undefined, unsubscribe: () => undefined }, clock);
  const channel = hub.channel(
    'all',
    selection(configMap, '', '', '', () => ({})),
    (_type, object) => [object.line],
  );
  const writes: string[] = [];
  channel.join({
    deliver: (framed) => writes.push(unframe(framed).toString()),
    reset: () => t.fail('nothing starts again'),
  });
  const codec = new ObjectCodec('ConfigMap', 'v1');
  const happen = (name: string, revision: number) =>
    channel.onEvent({
      type: 'ADDED',
      revision,
      object: codec.fromObject(`default/${name}`, { metadata: { name } }, revision),
    });
  const names = () =>
    writes.map((text) =>
      text
        .trim()
        .split('\n')
        .map((line) => /"name":"(\w+)"/.exec(line)?.[1])
        .join(' '),
    );

  happen('first', 1);
  t.same(writes, [], 'never within the call that published it');
  await clock.advance(0);
  t.same(names(), ['first']);
  for (const [i, name] of ['a', 'b', 'c'].entries()) {
    happen(name, 2 + i);
    await clock.advance(1);
  }
  t.same(names(), ['first'], 'so soon after a write they wait for each other');
  await clock.advance(5);
  t.same(names(), ['first', 'a b c']);
  await clock.advance(60_000);
  happen('last', 9);
  await clock.advance(0);
  t.same(names(), ['first', 'a b c', 'last']);
  happen('joined', 10);
  channel.flush();
  t.same(names().at(-1), 'joined', 'who needs order sends what waits');
});
