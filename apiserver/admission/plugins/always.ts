/** AlwaysAdmit and AlwaysDeny: off unless asked for, and of use in tests of clients only. */
import type { AdmissionPluginFactory } from '../admission.js';
import { refuse } from '../refuse.js';

export const alwaysAdmit: AdmissionPluginFactory = {
  name: 'AlwaysAdmit',
  create: () => ({ name: 'AlwaysAdmit', handles: () => false }),
};

export const alwaysDeny: AdmissionPluginFactory = {
  name: 'AlwaysDeny',
  create: () => ({
    name: 'AlwaysDeny',
    handles: () => true,
    admit(attributes, ctx) {
      // The server's own writes are no requests; without them there would be no cluster to deny anything in.
      if (ctx.exchange) throw refuse(attributes, 'admission control is denying all modifications');
    },
  }),
};
