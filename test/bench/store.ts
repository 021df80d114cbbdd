/** The store by itself against Debian's etcd: etcd/store.bench.ts as a section of the report. */
import { benchStore } from '../../etcd/store.bench.js';
import type { Section } from './report.js';

export async function benchStores(say: (text: string) => void): Promise<Section> {
  say('store: drydock and etcd …');
  const rows = await benchStore();
  return {
    part: 'store',
    title: 'The store',
    method:
      'Puts of 1 KiB, each on disk before it is acknowledged, and ranges over 5,000 keys, by one client process: drydock over its stream, etcd over its JSON gateway.',
    rows: rows.map(({ what, drydock, etcd }) => ({
      what: what.replace('/s', ''),
      unit: 'per s',
      drydock,
      others: { etcd: etcd ?? 'not installed' },
    })),
  };
}
