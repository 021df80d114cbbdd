import { behindTheApi, type Descriptor, extraFlags, nursery, portOf } from './descriptor.js';
import { leaderElectedFlags } from './leader-elected.js';

export const scheduler: Descriptor = (name, { layout, config }) => {
  const address = `https://127.0.0.1:${portOf(config, name)}`;
  return {
    name,
    program: 'scheduler',
    args: [
      ...leaderElectedFlags(name, 'scheduler', layout, config),
      ...extraFlags(config, 'scheduler'),
    ],
    nodeArgs: nursery(config, 4),
    ...behindTheApi(config),
    address,
    ready: `${address}/readyz`,
    stage: 2,
  };
};
