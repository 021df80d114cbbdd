import t from 'tap';
import { parseSchedule, scheduleProblem } from './cron-schedule.js';

const NEW_YORK = 'America/New_York';

t.test('the next time', async (t) => {
  const rows: [string, string, string, string, string | undefined][] = [
    ['every minute', '* * * * *', 'UTC', '2026-01-01T00:00:30Z', '2026-01-01T00:01:00Z'],
    ['never the same time', '0 0 * * *', 'UTC', '2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z'],
    ['steps', '*/20 5/6 * * *', 'UTC', '2026-01-01T05:41:00Z', '2026-01-01T11:00:00Z'],
    ['names', '0 12 * feb sun', 'UTC', '2026-01-01T00:00:00Z', '2026-02-01T12:00:00Z'],
    ['the next year', '30 4 1 1 *', 'UTC', '2026-01-01T04:30:00Z', '2027-01-01T04:30:00Z'],
    ['29 February', '0 0 29 2 *', 'UTC', '2026-01-01T00:00:00Z', '2028-02-29T00:00:00Z'],
    ['31 February', '0 0 31 2 *', 'UTC', '2026-01-01T00:00:00Z', undefined],
    ['day of month or of week', '0 0 1 * 2', 'UTC', '2026-03-03T00:00:00Z', '2026-03-10T00:00:00Z'],
    [
      'one of them with a step',
      '0 0 */2 * 2',
      'UTC',
      '2026-03-03T00:00:00Z',
      '2026-03-05T00:00:00Z',
    ],
    ['a descriptor', '@weekly', 'UTC', '2026-03-03T00:00:00Z', '2026-03-08T00:00:00Z'],
    ['@every', '@every 1h30m', 'UTC', '2026-03-03T00:00:07Z', '2026-03-03T01:30:07Z'],
    ['@every below a second', '@every 10ms', 'UTC', '2026-03-03T00:00:07Z', '2026-03-03T00:00:08Z'],
    ['in a zone', '0 9 * * *', NEW_YORK, '2026-01-01T00:00:00Z', '2026-01-01T14:00:00Z'],
    [
      'a zone of its own',
      `TZ=${NEW_YORK} 0 9 * * *`,
      'UTC',
      '2026-01-01T00:00:00Z',
      '2026-01-01T14:00:00Z',
    ],
    // 8 March 2026, 2:00 becomes 3:00; 1 November, 2:00 becomes 1:00.
    [
      'a time that is left out',
      '30 2 * * *',
      NEW_YORK,
      '2026-03-07T12:00:00Z',
      '2026-03-09T06:30:00Z',
    ],
    [
      'hours go on over the gap',
      '0 * * * *',
      NEW_YORK,
      '2026-03-08T06:30:00Z',
      '2026-03-08T07:00:00Z',
    ],
    [
      'a time that comes twice',
      '30 1 * * *',
      NEW_YORK,
      '2026-11-01T05:30:00Z',
      '2026-11-01T06:30:00Z',
    ],
    [
      'midnight does not exist',
      '0 0 * * *',
      'America/Asuncion',
      '2023-09-30T12:00:00Z',
      '2023-10-02T03:00:00Z',
    ],
  ];
  for (const [name, schedule, zone, from, wanted] of rows) {
    const parsed = parseSchedule(schedule, zone);
    if (typeof parsed === 'string') t.fail(`${name}: ${parsed}`);
    else {
      const next = parsed.next(Date.parse(from));
      t.equal(next && new Date(next).toISOString().replace('.000', ''), wanted, name);
    }
  }
});

t.test('what is wrong with a schedule', async (t) => {
  const rows: [string, string | undefined][] = [
    ['*/5 0-6,12 1 JAN-MAR mon', undefined],
    ['0 0 * * ?', undefined],
    ['* * * * 7', 'end of range (7) above maximum (6): 7'],
    ['* * 0 * *', 'beginning of range (0) below minimum (1): 0'],
    ['5-1 * * * *', 'beginning of range (5) beyond end of range (1): 5-1'],
    ['1-2-3 * * * *', 'too many hyphens: 1-2-3'],
    ['*/0 * * * *', 'step of range should be a positive number: */0'],
    ['*/1/2 * * * *', 'too many slashes: */1/2'],
    ['* * *', 'expected exactly 5 fields, found 3: [* * *]'],
    ['@often', 'unrecognized descriptor: @often'],
    ['@every soon', 'failed to parse duration @every soon: time: invalid duration "soon"'],
    ['TZ=Mars/One * * * * *', 'provided bad location Mars/One'],
  ];
  for (const [schedule, wanted] of rows) t.equal(scheduleProblem(schedule), wanted, schedule);
});
