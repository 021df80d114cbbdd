/** The load generator's process: a job in, its outcome out. See load.ts. */
import { text } from 'node:stream/consumers';
import { type Job, runJob } from './load.js';

const job = JSON.parse(await text(process.stdin)) as Job;
process.stdout.write(JSON.stringify(await runJob(job)));
