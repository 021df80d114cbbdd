/**
 * Webhooks in the test's own process, as the API server calls them: HTTPS with a certificate for this machine,
 * AdmissionReviews and ConversionReviews. What a path answers is a function of the request.
 */
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { KubernetesObject } from '@kubernetes/client-node';
import type { Test } from 'tap';
import type { Cluster } from './cluster.js';

export interface AdmissionRequest {
  readonly uid: string;
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';
  readonly name?: string;
  readonly namespace?: string;
  readonly object: KubernetesObject | null;
  readonly oldObject: KubernetesObject | null;
}

export interface Verdict {
  readonly allowed: boolean;
  readonly message?: string;
  /** JSON Patch. */
  readonly patch?: readonly object[];
}

/** Where and how the API server reaches a webhook. */
export interface ClientConfig {
  readonly url: string;
  readonly caBundle: string;
}

interface ConversionRequest {
  readonly uid: string;
  readonly desiredAPIVersion: string;
  readonly objects: readonly KubernetesObject[];
}

interface Review {
  readonly apiVersion: string;
  readonly kind: string;
  readonly request: AdmissionRequest | ConversionRequest;
}

type Answer = (request: Review['request']) => Promise<object>;

export class WebhookServer {
  private readonly answers = new Map<string, Answer>();

  private constructor(
    private readonly server: Server,
    private readonly caBundle: string,
  ) {
    server.on('request', (req, res) => {
      const parts: Buffer[] = [];
      req.on('data', (part: Buffer) => parts.push(part));
      req.on('end', () => {
        const url = new URL(req.url ?? '/', 'https://hooks');
        this.answer(url.pathname, Buffer.concat(parts).toString()).then(
          (body) => res.end(JSON.stringify(body)),
          (err: unknown) => res.writeHead(500).end(String(err)),
        );
      });
    });
  }

  /** Until the test ends. */
  static async start(t: Test, cluster: Cluster): Promise<WebhookServer> {
    const pem = (file: string) => readFileSync(join(cluster.dataDir, 'pki', file), 'utf8');
    const server = createServer({ cert: pem('apiserver.crt'), key: pem('apiserver.key') });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.teardown(() => {
      server.closeAllConnections();
      server.close();
    });
    return new WebhookServer(server, Buffer.from(pem('ca.crt')).toString('base64'));
  }

  admit(
    path: string,
    judge: (request: AdmissionRequest) => Verdict | Promise<Verdict>,
  ): ClientConfig {
    return this.at(path, async (request) => {
      if ('objects' in request) throw new Error('not an AdmissionReview');
      const { allowed, message, patch } = await judge(request);
      return {
        allowed,
        ...(message === undefined ? {} : { status: { message } }),
        ...(patch === undefined
          ? {}
          : {
              patchType: 'JSONPatch',
              patch: Buffer.from(JSON.stringify(patch)).toString('base64'),
            }),
      };
    });
  }

  /** `convert` gets an object that already names the version that it is to have. */
  convert(path: string, convert: (object: KubernetesObject) => KubernetesObject): ClientConfig {
    return this.at(path, async (request) => {
      if (!('objects' in request)) throw new Error('not a ConversionReview');
      const apiVersion = request.desiredAPIVersion;
      const convertedObjects = request.objects.map((object) => convert({ ...object, apiVersion }));
      return { result: { status: 'Success' }, convertedObjects };
    });
  }

  private at(path: string, answer: Answer): ClientConfig {
    this.answers.set(path, answer);
    const { port } = this.server.address() as AddressInfo;
    return { url: `https://127.0.0.1:${port}${path}`, caBundle: this.caBundle };
  }

  private async answer(path: string, body: string): Promise<object> {
    const { apiVersion, kind, request }: Review = JSON.parse(body);
    const answer = this.answers.get(path);
    if (!answer) throw new Error(`nothing at ${path}`);
    return { apiVersion, kind, response: { uid: request.uid, ...(await answer(request)) } };
  }
}
