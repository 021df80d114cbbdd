/**
 * A store, an apiserver and the controllers in this process, over plain HTTP on a free port, for tests:
 *
 *   const plane = await ControlPlane.start({ args: ['--node-monitor-period=100ms'] });
 *   await plane.client.resource<Deployment>(DEPLOYMENTS).create(…);
 *   await plane.stop();
 */
import { setMaxListeners } from 'node:events';
import type { ProxyClient } from '../../apiserver/aggregator/remote-api.js';
import { KubeletConnection } from '../../apiserver/endpoints/kubelet-proxy.js';
import { ApiServer } from '../../apiserver/server/api-server.js';
import { DEFAULT_LOAD } from '../../apiserver/server/load.js';
import { TestStore } from '../../apiserver/testing/test-store.js';
import type { KubeObject } from '../../pkg/apimachinery/meta.js';
import { isAlreadyExists } from '../../pkg/client/errors.js';
import { NAMESPACES } from '../../pkg/client/resources.js';
import { RestClient } from '../../pkg/client/rest.js';
import { RealClock } from '../../pkg/component/clock.js';
import { silentLogger } from '../../pkg/component/logger.js';
import { runControllerManager } from '../controller-manager.js';
import { parseOptions } from '../options.js';

export interface ControlPlaneOptions {
  /** Of the controller-manager. */
  readonly args?: readonly string[];
  readonly tolerationSeconds?: number;
  /** With whose certificate extension servers are asked. */
  readonly proxyClient?: ProxyClient;
}

const HOST = '127.0.0.1';

export class ControlPlane {
  private readonly apiStop = new AbortController();
  private apiRun: Promise<void> | undefined;
  private controllers: { stop: AbortController; done: Promise<void> } | undefined;

  private constructor(
    private readonly store: TestStore,
    readonly client: RestClient,
    private readonly args: readonly string[],
  ) {}

  static async start(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
    // One signal stops everything here too.
    setMaxListeners(0);
    // A controller that changes a cached object fails where it does so.
    process.env['DRYDOCK_DETECT_MUTATION'] = '1';
    const store = await TestStore.start();
    const clock = new RealClock();
    const { tolerationSeconds = 1, proxyClient } = options;
    const api = await ApiServer.create({
      etcd: await store.client(),
      clock,
      logger: silentLogger(),
      kubelet: new KubeletConnection({
        clientCertificate: '',
        clientKey: '',
        preferredAddressTypes: [],
      }),
      ...(proxyClient ? { proxyClient } : {}),
      authentication: {
        anonymous: true,
        serviceAccount: { issuer: 'https://test', audiences: [], keys: [] },
      },
      authorizationModes: ['AlwaysAllow'],
      resources: {
        serviceClusterIPRanges: ['10.96.0.0/16'],
        serviceNodePortRange: { from: 30000, to: 32767 },
      },
      componentUrls: new Map(),
      enableAdmissionPlugins: [],
      // There is no token controller's key in these tests.
      disableAdmissionPlugins: ['ServiceAccount'],
      defaultNotReadyTolerationSeconds: tolerationSeconds,
      defaultUnreachableTolerationSeconds: tolerationSeconds,
      load: DEFAULT_LOAD,
      compactionIntervalMs: 0,
      advertiseAddress: HOST,
    });
    const port = await api.listen(HOST, 0);
    const client = new RestClient({
      config: { server: `http://${HOST}:${port}` },
      userAgent: 'test',
    });
    const plane = new ControlPlane(store, client, options.args ?? []);
    plane.apiRun = api.run(plane.apiStop.signal);
    for (const name of ['default', 'kube-system', 'kube-node-lease'])
      await plane.ensureNamespace(name);
    plane.startControllers();
    return plane;
  }

  /** `more` flags win over those of the plane. */
  startControllers(more: readonly string[] = []): void {
    const stop = new AbortController();
    const args = ['--leader-elect=false', '--secure-port=0', ...this.args, ...more];
    const { config } = this.client;
    const done = runControllerManager({
      options: parseOptions(args, 'test'),
      client: new RestClient({ config, userAgent: 'kube-controller-manager' }),
      clock: new RealClock(),
      logger: silentLogger(),
      signal: stop.signal,
    });
    this.controllers = { stop, done };
  }

  async stopControllers(): Promise<void> {
    this.controllers?.stop.abort(new Error('the test stops the controllers'));
    await this.controllers?.done;
    this.controllers = undefined;
  }

  async stop(): Promise<void> {
    await this.stopControllers();
    await this.client.close();
    this.apiStop.abort(new Error('the test is over'));
    await this.apiRun;
    await this.store.remove();
  }

  private async ensureNamespace(name: string): Promise<void> {
    const namespace: KubeObject = { metadata: { name } };
    try {
      await this.client.resource(NAMESPACES).create(namespace);
    } catch (err) {
      // The server's own start made it.
      if (!isAlreadyExists(err)) throw err;
    }
  }
}
