import { type Descriptor, extraFlags, portOf } from './descriptor.js';

export const etcd: Descriptor = (name, { layout, config }) => {
  const url = `http://127.0.0.1:${portOf(config, name)}`;
  return {
    name,
    program: 'etcd',
    args: [
      '--name=default',
      `--data-dir=${layout.etcd}`,
      `--listen-client-urls=${url}`,
      ...extraFlags(config, 'etcd'),
    ],
    // Its memory is in buffers outside of the heap: they go when the young are collected, so that is done often.
    nodeArgs: ['--max-semi-space-size=2'],
    address: url,
    ready: `${url}/health`,
    stage: 0,
  };
};
