/**
 * One APIService that a Service serves, as it was when last looked at: how to reach it, whether it is there,
 * and what it serves. Made anew when its spec changes.
 */
import { Agent } from 'node:https';
import type { APIService } from '../../pkg/api/types.js';

/** Who this server is to extension servers (`--proxy-client-cert-file`). PEM. */
export interface ProxyClient {
  readonly cert: string;
  readonly key: string;
}

/** One of an APIResourceList. */
export interface RemoteResource {
  readonly name: string;
  readonly singularName?: string;
  readonly namespaced?: boolean;
  readonly kind?: string;
  readonly group?: string;
  readonly version?: string;
  readonly verbs?: readonly string[];
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
}

export class RemoteApi {
  readonly name: string;
  readonly group: string;
  readonly version: string;
  readonly namespace: string;
  readonly service: string;
  readonly port: number;
  readonly groupPriority: number;
  readonly versionPriority: number;
  readonly agent: Agent;
  /** For its TLS: PEM of who signed its certificate, and the name it has. */
  readonly tls: {
    readonly ca?: string;
    readonly rejectUnauthorized: boolean;
    readonly servername: string;
    readonly cert?: string;
    readonly key?: string;
  };
  available: boolean;
  /** The built-in server of this group and version answers for pods that are only simulated. */
  standIn = false;
  /** Of its discovery, when it last answered. */
  resources: readonly RemoteResource[] | undefined;

  constructor(
    readonly source: APIService,
    client: ProxyClient | undefined,
  ) {
    const { spec, status } = source;
    this.name = source.metadata?.name ?? '';
    this.group = spec?.group ?? '';
    this.version = spec?.version ?? '';
    this.namespace = spec?.service?.namespace ?? '';
    this.service = spec?.service?.name ?? '';
    this.port = spec?.service?.port ?? 443;
    this.groupPriority = spec?.groupPriorityMinimum ?? 0;
    this.versionPriority = spec?.versionPriority ?? 0;
    const bundle = spec?.caBundle ?? '';
    this.tls = {
      servername: `${this.service}.${this.namespace}.svc`,
      rejectUnauthorized: spec?.insecureSkipTLSVerify !== true,
      ...(bundle === '' ? {} : { ca: Buffer.from(bundle, 'base64').toString('utf8') }),
      ...client,
    };
    this.agent = new Agent({ keepAlive: true, ...this.tls });
    this.available =
      status?.conditions?.some(({ type, status: is }) => type === 'Available' && is === 'True') ??
      false;
  }

  /** `/apis/metrics.k8s.io/v1beta1` */
  get root(): string {
    return this.group === '' ? `/api/${this.version}` : `/apis/${this.group}/${this.version}`;
  }

  close(): void {
    this.agent.destroy();
  }
}
