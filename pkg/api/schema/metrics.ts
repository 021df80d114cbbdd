/**
 * The definitions of metrics.k8s.io/v1beta1 (`k8s.io/metrics`), which the models of the client library do not
 * have: what nodes and pods use just now.
 */
import type { KubeObject } from '../../apimachinery/meta.js';
import type { Schema } from './model.js';

export const METRICS_GROUP = 'metrics.k8s.io';
export const METRICS_VERSION = 'v1beta1';
export const METRICS_PACKAGE = 'io.k8s.metrics.pkg.apis.metrics.v1beta1';

/** `{cpu: '12345678n', memory: '8Mi'}` */
export type ResourceUsage = Readonly<Record<string, string>>;

export interface NodeMetrics extends KubeObject {
  readonly timestamp: string;
  /** A duration: `15s`. */
  readonly window: string;
  readonly usage: ResourceUsage;
}

export interface PodMetrics extends KubeObject {
  readonly timestamp: string;
  readonly window: string;
  readonly containers: readonly { readonly name: string; readonly usage: ResourceUsage }[];
}

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1';
const QUANTITY = 'io.k8s.apimachinery.pkg.api.resource.Quantity';

const TYPE: Record<string, Schema> = {
  apiVersion: { type: 'string' },
  kind: { type: 'string' },
};
const OBJECT: Record<string, Schema> = {
  ...TYPE,
  metadata: { ref: `${META}.ObjectMeta`, byValue: true },
};
const SAMPLE: Record<string, Schema> = {
  timestamp: { ref: `${META}.Time` },
  window: { ref: `${META}.Duration` },
};
const USAGE: Schema = { type: 'object', additionalProperties: { ref: QUANTITY } };

function kind(name: string, properties: Record<string, Schema>, required: string[]): Schema {
  const groupVersionKinds = [{ group: METRICS_GROUP, version: METRICS_VERSION, kind: name }];
  return { type: 'object', properties, required, groupVersionKinds };
}

function listOf(name: string): Schema {
  const items: Schema = { type: 'array', items: { ref: `${METRICS_PACKAGE}.${name}` } };
  const metadata: Schema = { ref: `${META}.ListMeta`, byValue: true };
  return kind(`${name}List`, { ...TYPE, items, metadata }, ['items']);
}

export const METRICS_DEFINITIONS: Readonly<Record<string, Schema>> = {
  [`${META}.Duration`]: { type: 'string' },
  [`${METRICS_PACKAGE}.ContainerMetrics`]: {
    type: 'object',
    properties: { name: { type: 'string' }, usage: USAGE },
    required: ['name', 'usage'],
  },
  [`${METRICS_PACKAGE}.NodeMetrics`]: kind('NodeMetrics', { ...OBJECT, ...SAMPLE, usage: USAGE }, [
    'timestamp',
    'window',
    'usage',
  ]),
  [`${METRICS_PACKAGE}.NodeMetricsList`]: listOf('NodeMetrics'),
  [`${METRICS_PACKAGE}.PodMetrics`]: kind(
    'PodMetrics',
    {
      ...OBJECT,
      ...SAMPLE,
      containers: {
        type: 'array',
        listType: 'atomic',
        items: { ref: `${METRICS_PACKAGE}.ContainerMetrics` },
      },
    },
    ['timestamp', 'window', 'containers'],
  ),
  [`${METRICS_PACKAGE}.PodMetricsList`]: listOf('PodMetrics'),
};
