/** AlwaysPullImages: no pod runs an image that its owner has no right to, from a node that has it already. */
import type { Container, Pod } from '../../../pkg/api/types.js';
import { formatFieldError, notSupported, path } from '../../../pkg/apimachinery/field-error.js';
import type { AdmissionAttributes, AdmissionPluginFactory } from '../admission.js';
import { refuse } from '../refuse.js';

export const alwaysPullImages: AdmissionPluginFactory = {
  name: 'AlwaysPullImages',
  create: () => ({
    name: 'AlwaysPullImages',
    handles: (operation, group, resource, subresource) =>
      (operation === 'CREATE' || operation === 'UPDATE') &&
      group === '' &&
      resource === 'pods' &&
      (subresource === '' || subresource === 'ephemeralcontainers'),
    admit(attributes) {
      if (keepsImages(attributes)) return;
      for (const [, container] of imagesOf(attributes.object)) container.imagePullPolicy = 'Always';
    },
    validate(attributes) {
      if (keepsImages(attributes)) return;
      for (const [at, { imagePullPolicy }] of imagesOf(attributes.object))
        if (imagePullPolicy !== 'Always')
          throw refuse(
            attributes,
            formatFieldError(notSupported(`${at}.imagePullPolicy`, imagePullPolicy, ['Always'])),
          );
    },
  }),
};

type Puller = Pick<Container, 'image' | 'imagePullPolicy'>;

function imagesOf(pod: Pod | undefined): (readonly [string, Puller])[] {
  const { initContainers = [], containers = [], ephemeralContainers = [] } = pod?.spec ?? {};
  const at = (field: string, all: readonly Puller[]) =>
    all.map((container, i) => [String(path('spec', field).index(i)), container] as const);
  return [
    ...at('initContainers', initContainers),
    ...at('containers', containers),
    ...at('ephemeralContainers', ephemeralContainers),
  ];
}

/** An update that brings no new image changes nothing about who may run what. */
function keepsImages({ operation, object, oldObject }: AdmissionAttributes): boolean {
  if (operation !== 'UPDATE') return false;
  const old = new Set(imagesOf(oldObject).map(([, { image }]) => image));
  return imagesOf(object).every(([, { image }]) => old.has(image));
}
