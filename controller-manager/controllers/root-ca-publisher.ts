/**
 * Puts the cluster's CA into ConfigMap `kube-root-ca.crt` of every namespace, and puts it back when
 * somebody changes it (`pkg/controller/certificates/rootcacertpublisher`).
 */
import { readFileSync } from 'node:fs';
import type { ConfigMap, Namespace } from '../../pkg/api/types.js';
import { isAlreadyExists, isNamespaceTerminating, isNotFound } from '../../pkg/client/errors.js';
import type { Informer } from '../../pkg/client/informer.js';
import { RateLimitingQueue } from '../../pkg/client/rate-limiting-queue.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';
import { CONFIG_MAPS, NAMESPACES } from '../../pkg/client/resources.js';
import {
  type Controller,
  type ControllerContext,
  type ControllerDescriptor,
  runSyncLoop,
} from '../controller.js';

const NAME = 'kube-root-ca.crt';
const DESCRIPTION = 'kubernetes.io/description';
const DESCRIPTION_TEXT =
  'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.';

export const rootCaPublisher: ControllerDescriptor = {
  name: 'root-ca-certificate-publisher-controller',
  aliases: ['root-ca-cert-publisher'],
  serviceAccount: 'root-ca-cert-publisher',
  create: (context) => new RootCaPublisher(context),
};

class RootCaPublisher implements Controller {
  private readonly queue: RateLimitingQueue;
  private readonly namespaces: Informer<Namespace>;
  private readonly configMaps: Informer<ConfigMap>;
  private readonly client: ResourceClient<ConfigMap>;
  private readonly ca: string;

  constructor(private readonly context: ControllerContext) {
    const { rootCaFile } = context.options;
    this.ca =
      rootCaFile === '' ? (context.client.config.ca ?? '') : readFileSync(rootCaFile, 'utf8');
    this.queue = new RateLimitingQueue(context.clock);
    this.client = context.client.resource<ConfigMap>(CONFIG_MAPS);
    this.namespaces = context.informers.informer<Namespace>(NAMESPACES);
    // Only those of this name are watched and kept.
    this.configMaps = context.informers.informer<ConfigMap>(CONFIG_MAPS, {
      fieldSelector: `metadata.name=${NAME}`,
    });
    this.namespaces.addHandler({
      add: (obj) => this.queue.add(obj.metadata?.name ?? ''),
      update: (_, obj) => this.queue.add(obj.metadata?.name ?? ''),
    });
    const enqueue = (obj: ConfigMap) => this.queue.add(obj.metadata?.namespace ?? '');
    this.configMaps.addHandler({ update: (_, obj) => enqueue(obj), delete: enqueue });
  }

  run(signal: AbortSignal): Promise<void> {
    const { queue } = this;
    return runSyncLoop(
      {
        context: this.context,
        queue,
        concurrency: 1,
        informers: [this.namespaces, this.configMaps],
        sync: (key, stop) => this.sync(key, stop),
      },
      signal,
    );
  }

  private async sync(namespace: string, signal: AbortSignal): Promise<void> {
    const cached = this.namespaces.store.get(namespace);
    if (!cached || cached.metadata?.deletionTimestamp !== undefined) return;
    const current = this.configMaps.store.get(`${namespace}/${NAME}`);
    const data = { 'ca.crt': this.ca };
    try {
      if (!current) {
        const metadata = {
          namespace,
          name: NAME,
          annotations: { [DESCRIPTION]: DESCRIPTION_TEXT },
        };
        await this.client.create({ metadata, data }, { signal });
      } else if (this.differs(current)) {
        const annotations = { ...current.metadata?.annotations, [DESCRIPTION]: DESCRIPTION_TEXT };
        await this.client.update(
          { ...current, metadata: { ...current.metadata, annotations }, data },
          { signal },
        );
      }
    } catch (err) {
      if (!isAlreadyExists(err) && !isNotFound(err) && !isNamespaceTerminating(err)) throw err;
    }
  }

  private differs({ data = {}, metadata }: ConfigMap): boolean {
    if (metadata?.annotations?.[DESCRIPTION] === undefined) return true;
    return Object.keys(data).length !== 1 || data['ca.crt'] !== this.ca;
  }
}
