/** The probe's process: kubeconfig and namespace in, latencies out when its standard input ends. See probe.ts. */
import { probe } from './probe.js';

const [kubeconfig = '', namespace = ''] = process.argv.slice(2);
const stop = new AbortController();
process.stdin.on('end', () => stop.abort()).resume();
process.stdout.write(JSON.stringify(await probe(kubeconfig, namespace, stop.signal)));
