/** Seats, queues and whose turn it is, on a clock that the tests move. */
import fc from 'fast-check';
import t from 'tap';
import { allocate } from './allocation.js';
import { type Flow, type QueueConfig, QueueSet, type Refusal, Ticket } from './queue-set.js';
import { RetryAfter } from './retry-after.js';
import { SeatDemand } from './seat-demand.js';
import { dealHand, flowHash, requiredEntropyBits } from './shuffle-sharding.js';

const QUEUED: QueueConfig = { queues: 64, handSize: 6, queueLengthLimit: 50 };
const flow = (name: string): Flow => ({ hash: flowHash('schema', name) });

/** A level whose requests take a given time; who waited runs as soon as it is dispatched. */
class Level {
  now = 0;
  readonly set: QueueSet;
  readonly outcomes: string[] = [];
  private running: { ticket: Ticket; until: number; name: string }[] = [];
  readonly served = new Map<string, number>();

  constructor(config: QueueConfig, seats: number) {
    this.set = new QueueSet(config, seats, 0);
  }

  ask(of: Flow, name: string, seats = 1, lasts = 10): boolean | Refusal {
    const ticket = new Ticket(of, seats);
    const run = () => {
      this.served.set(name, (this.served.get(name) ?? 0) + seats);
      this.running.push({ ticket, until: this.now + lasts, name });
    };
    ticket.decide = (refused) => {
      this.outcomes.push(`${name} ${refused ?? 'runs'}`);
      if (refused === undefined) run();
    };
    const outcome = this.set.admit(ticket, this.now);
    if (outcome === true && !this.running.some((other) => other.ticket === ticket)) run();
    return outcome;
  }

  pass(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      const next = this.running.sort((a, b) => a.until - b.until)[0];
      if (!next || next.until > end) break;
      this.running.shift();
      this.now = next.until;
      this.set.finish(next.ticket, this.now);
    }
    this.now = end;
  }
}

t.test('a hand has different cards of the deck, the same for the same flow', async (t) => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      fc.integer({ min: 1, max: 8 }),
      fc.integer({ min: 8, max: 128 }),
      (hash, handSize, deckSize) => {
        const hand = dealHand(hash, deckSize, handSize);
        return (
          new Set(hand).size === handSize &&
          hand.every((card) => card >= 0 && card < deckSize) &&
          dealHand(hash, deckSize, handSize).join() === hand.join()
        );
      },
    ),
  );
  t.not(
    dealHand(flowHash('a', 'alice'), 128, 6).join(),
    dealHand(flowHash('a', 'bob'), 128, 6).join(),
  );
  t.equal(requiredEntropyBits(128, 6), 42);
});

t.test('who comes', async (t) => {
  const level = new Level({ queues: 1, handSize: 1, queueLengthLimit: 2 }, 2);
  const alice = flow('alice');
  t.same(
    [1, 2, 3, 4, 5].map((n) => level.ask(alice, `r${n}`)),
    [true, true, false, false, 'queue-full'],
    'finds a seat, waits, or is refused when the queue is full',
  );
  t.match(level.set, { executing: 2, waiting: 2, dispatched: 2, rejected: 1 });
  level.pass(10);
  t.same(level.outcomes, ['r3 runs', 'r4 runs'], 'runs as soon as seats are free');
  level.pass(10);
  t.ok(level.set.isIdle);
  const none = new Level({ queues: 0, handSize: 0, queueLengthLimit: 0 }, 1);
  t.same([none.ask(alice, 'a'), none.ask(alice, 'b')], [true, 'concurrency-limit'], 'no queues');
});

t.test('who stops to wait', async (t) => {
  const level = new Level({ queues: 1, handSize: 1, queueLengthLimit: 9 }, 1);
  level.ask(flow('a'), 'first');
  const heard: unknown[] = [];
  const ticket = new Ticket(flow('a'), 1);
  ticket.decide = (refused) => heard.push(refused);
  t.equal(level.set.admit(ticket, 0), false);
  level.set.abandon(ticket, 'time-out', 5);
  level.set.abandon(ticket, 'cancelled', 6);
  t.same(heard, ['time-out'], 'is told once');
  t.match(level.set, { waiting: 0, seatsWaiting: 0, timedOut: 1, cancelled: 0 });
  level.pass(10);
  t.ok(level.set.isIdle);
  t.equal(level.set.activeQueues, 0);
});

t.test('wide requests', async (t) => {
  const level = new Level(QUEUED, 4);
  t.equal(
    level.ask(flow('a'), 'wide', 9),
    true,
    'wider than the level: it has the level for itself',
  );
  t.equal(level.ask(flow('b'), 'small'), false);
  level.pass(10);
  t.same(level.outcomes, ['small runs']);
  level.ask(flow('c'), 'whole', 4);
  for (let round = 0; round < 20; round++) {
    for (let i = 0; i < 6; i++) level.ask(flow(`d${i}`), 'one');
    level.pass(10);
  }
  t.ok(level.outcomes.includes('whole runs'), 'small ones do not pass by a wide one for ever');
});

t.test('seats that come later', async (t) => {
  const level = new Level(QUEUED, 0);
  t.equal(level.ask(flow('a'), 'a'), true, 'a level without seats serves one at a time');
  t.equal(level.ask(flow('b'), 'b'), false);
  level.set.setLimit(2, 1);
  t.same(level.outcomes, ['b runs'], 'are used at once');
  level.set.reconfigure({ queues: 0, handSize: 0, queueLengthLimit: 0 });
  level.set.setLimit(1, 2);
  level.pass(20);
  t.ok(level.set.isIdle, 'queues that are taken away are emptied');
});

t.test('a flow that floods leaves another its share', async (t) => {
  const level = new Level(QUEUED, 4);
  const [flood, light] = [flow('flood'), flow('light')];
  let refused = 0;
  for (let round = 0; round < 200; round++) {
    for (let i = 0; i < 30; i++) if (typeof level.ask(flood, 'flood') === 'string') refused++;
    if (round % 2 === 0) level.ask(light, 'light');
    level.pass(5);
  }
  t.ok(refused > 1000, 'the flood is refused');
  const served = level.served.get('light') ?? 0;
  t.ok(served >= 97, `one that asks for less than its share gets it all: ${served} of 100`);
});

t.test('no flow starves, and shares are respected, whatever the load', async (t) => {
  // Each flow has a queue of its own and always asks for more than it can get. A wide request waits until it
  // fits, which costs others seats, and its flow as well: shares are exact only where all are narrow.
  for (const { widest, least, most } of [
    { widest: 1, least: 0.9, most: 1.1 },
    { widest: 3, least: 0.4, most: 1.6 },
  ]) {
    const kind = fc.record({
      seats: fc.integer({ min: 1, max: widest }),
      lasts: fc.integer({ min: 10, max: 40 }),
    });
    fc.assert(
      fc.property(
        fc.array(kind, { minLength: 2, maxLength: 5 }),
        fc.integer({ min: 3, max: 8 }),
        (flows, seats) => {
          const level = new Level({ queues: 8, handSize: 1, queueLengthLimit: 20 }, seats);
          for (let round = 0; round < 200; round++) {
            for (const [i, { seats: wide, lasts }] of flows.entries()) {
              for (let asked = 0; asked < 30; asked++)
                level.ask({ hash: BigInt(i) }, String(i), wide, lasts);
            }
            level.pass(25);
          }
          const used = flows.map(({ lasts }, i) => (level.served.get(String(i)) ?? 0) * lasts);
          const fair = used.reduce((a, b) => a + b, 0) / flows.length;
          return used.every((work) => work > fair * least && work < fair * most);
        },
      ),
      { numRuns: 15 },
    );
  }
  t.pass();
});

t.test('what a level wanted', async (t) => {
  const demand = new SeatDemand(0);
  demand.set(10, 0);
  demand.set(0, 5_000);
  demand.settle(10_000);
  t.match(demand, { highWatermark: 10, average: 5, deviation: 5, smoothed: 10 });
  demand.settle(20_000);
  t.match(demand, { highWatermark: 0, average: 0 });
  t.ok(demand.smoothed > 9.7 && demand.smoothed < 9.8, 'is forgotten slowly');
});

t.test('seats are divided by what is wanted, within bounds', async (t) => {
  const claim = (target: number, lower: number, upper: number) => ({ target, lower, upper });
  const found = allocate(10, [claim(20, 2, 14), claim(1, 1, 5), claim(5, 0, 5)]);
  t.same(
    found?.seats.map((seats) => Math.round(seats * 10) / 10),
    [7.2, 1, 1.8],
  );
  t.equal(allocate(3, [claim(5, 4, 9)]), undefined, 'less than the least');
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(50), fc.nat(50), fc.nat(50)), { minLength: 1, maxLength: 8 }),
      fc.nat(100),
      (rows, percent) => {
        const claims = rows.map(([lower, more, most]) => claim(lower + more, lower, lower + most));
        const least = claims.reduce((sum, { lower }) => sum + lower, 0);
        const most = claims.reduce((sum, { upper }) => sum + upper, 0);
        const total = least + ((most - least) * percent) / 100;
        const result = allocate(total, claims);
        const sum = result?.seats.reduce((a, b) => a + b, 0) ?? -1;
        return (
          Math.abs(sum - total) < 1e-3 &&
          claims.every(({ lower, upper }, i) => {
            const seats = result?.seats[i] ?? -1;
            return seats >= lower - 1e-6 && seats <= upper + 1e-6;
          })
        );
      },
    ),
  );
});

t.test('when to come back', async (t) => {
  const retry = new RetryAfter();
  const told = (from: number, to: number, each: number) => {
    let last = 0;
    for (let second = from; second < to; second++)
      for (let i = 0; i < each; i++) last = retry.dropped(second * 1000);
    return last;
  };
  t.equal(told(0, 1, 1), 1);
  t.equal(told(100, 200, 50), 32, 'later and later while many are refused');
  t.ok(told(1000, 1200, 1) < 32, 'sooner again when it gets better');
});
