/**
 * An issuer of OpenID Connect tokens, over HTTPS with an authority of its own, and at `/authorize` an
 * authorization webhook that allows whatever it is asked.
 */
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { exportJWK, type JWTPayload, SignJWT } from 'jose';
import { ensurePki } from '../../pkg/component/pki.js';

const HOST = '127.0.0.1';
const KEY_ID = 'one';
const LIFETIME_SECONDS = 600;

export class TestIssuer {
  private constructor(
    private readonly server: Server,
    /** PEM. */
    readonly authority: string,
    private readonly keys: ReturnType<typeof rsaKeys>,
  ) {}

  /** `folder` is where its certificates are made. */
  static async start(folder: string): Promise<TestIssuer> {
    const pki = join(folder, 'issuer');
    await ensurePki(pki, { apiserverNames: [HOST], nodes: [], now: Date.now() });
    const read = (file: string) => readFileSync(join(pki, file), 'utf8');
    const keys = rsaKeys();
    const jwk = { ...(await exportJWK(keys.publicKey)), kid: KEY_ID, alg: 'RS256', use: 'sig' };
    const server = createServer({ cert: read('apiserver.crt'), key: read('apiserver.key') });
    server.listen(0, HOST);
    await once(server, 'listening');
    const issuer = new TestIssuer(server, read('ca.crt'), keys);
    server.on('request', (req, res) => {
      const { url } = issuer;
      const review = {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SubjectAccessReview',
        status: { allowed: true },
      };
      const answers: Readonly<Record<string, object>> = {
        '/.well-known/openid-configuration': { issuer: url, jwks_uri: `${url}/keys` },
        '/keys': { keys: [jwk] },
        '/authorize': review,
      };
      const path = req.url?.split('?', 1)[0] ?? '';
      req.resume();
      req.on('end', () => {
        res.setHeader('content-type', 'application/json');
        res.statusCode = answers[path] ? 200 : 404;
        res.end(JSON.stringify(answers[path] ?? {}));
      });
    });
    return issuer;
  }

  get url(): string {
    return `https://${HOST}:${(this.server.address() as AddressInfo).port}`;
  }

  token(claims: JWTPayload): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    return new SignJWT({ iss: this.url, iat: now, exp: now + LIFETIME_SECONDS, ...claims })
      .setProtectedHeader({ alg: 'RS256', kid: KEY_ID })
      .sign(this.keys.privateKey);
  }

  /** Of a client of one of its paths. */
  kubeconfig(path: string): string {
    const data = Buffer.from(this.authority).toString('base64');
    return JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        {
          name: 'c',
          cluster: { server: `${this.url}${path}`, 'certificate-authority-data': data },
        },
      ],
      users: [{ name: 'u', user: {} }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    });
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}

function rsaKeys() {
  return generateKeyPairSync('rsa', { modulusLength: 2048 });
}
