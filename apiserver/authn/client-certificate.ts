/**
 * Identity from a TLS client certificate: the common name is the user, each organization a group. The
 * connection asks for a certificate and takes any; here it is checked against the authority that counts, as
 * one listener has two of them (clients, and the front proxy). Checked once a connection.
 */
import { X509Certificate } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import type { Clock } from '../../pkg/component/clock.js';
import type { UserInfo } from '../server/request-context.js';
import type { RequestAuthenticator } from './authenticator.js';

export interface VerifiedCertificate {
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly notAfter: number;
  readonly fingerprint: string;
}

type Outcome = VerifiedCertificate | Error | undefined;

/** One authority (a PEM bundle) and what it said of each connection. */
export class CertificateVerifier {
  private readonly authorities: readonly X509Certificate[];
  private readonly seen = new WeakMap<TLSSocket, { outcome: Outcome }>();

  constructor(
    bundle: string,
    private readonly clock: Clock,
  ) {
    const pems = bundle.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
    if (pems.length === 0) throw new Error('the file holds no certificate');
    this.authorities = pems.map((pem) => new X509Certificate(pem));
  }

  /** Undefined without a certificate; throws for one that this authority did not sign, or not for now. */
  verify(req: IncomingMessage): VerifiedCertificate | undefined {
    const { socket } = req;
    if (!(socket instanceof TLSSocket)) return undefined;
    let known = this.seen.get(socket);
    if (!known) {
      known = { outcome: this.inspect(socket) };
      this.seen.set(socket, known);
    }
    const { outcome } = known;
    if (outcome instanceof Error) throw outcome;
    if (outcome && outcome.notAfter < this.clock.now())
      throw new Error('x509: certificate has expired or is not yet valid');
    return outcome;
  }

  private inspect(socket: TLSSocket): Outcome {
    const leaf = socket.getPeerX509Certificate();
    if (!leaf) return undefined;
    const now = this.clock.now();
    if (Date.parse(leaf.validFrom) > now || Date.parse(leaf.validTo) < now)
      return new Error('x509: certificate has expired or is not yet valid');
    // serverAuth alone does not make a client.
    const usages = leaf.keyUsage as readonly string[] | undefined;
    if (usages && !usages.includes('1.3.6.1.5.5.7.3.2') && !usages.includes('2.5.29.37.0'))
      return new Error('x509: certificate specifies an incompatible key usage');
    if (!this.authorities.some((ca) => leaf.checkIssued(ca) && leaf.verify(ca.publicKey)))
      return new Error('x509: certificate signed by unknown authority');
    const { CN, O } = subjectOf(leaf);
    return {
      commonName: CN[0] ?? '',
      organizations: O,
      notAfter: Date.parse(leaf.validTo),
      fingerprint: leaf.fingerprint256.replaceAll(':', '').toLowerCase(),
    };
  }
}

export class ClientCertificateAuthenticator implements RequestAuthenticator {
  readonly name = 'client certificate';
  private readonly users = new WeakMap<VerifiedCertificate, UserInfo>();

  constructor(private readonly verifier: CertificateVerifier) {}

  authenticate(req: IncomingMessage): UserInfo | undefined {
    const certificate = this.verifier.verify(req);
    if (!certificate || certificate.commonName === '') return undefined;
    let user = this.users.get(certificate);
    if (!user) {
      user = {
        name: certificate.commonName,
        groups: [...certificate.organizations, 'system:authenticated'],
        extra: {
          'authentication.kubernetes.io/credential-id': [`X509SHA256=${certificate.fingerprint}`],
        },
      };
      this.users.set(certificate, user);
    }
    return user;
  }
}

/** Node prints a subject one attribute a line, `O=a\nCN=b`, with what is special escaped by a backslash. */
export function subjectOf(certificate: X509Certificate): { CN: string[]; O: string[] } {
  const found = { CN: [] as string[], O: [] as string[] };
  for (const line of certificate.subject.split('\n')) {
    for (const attribute of line.split(/(?<!\\)\+(?=[A-Za-z0-9.]+=)/)) {
      const equals = attribute.indexOf('=');
      const key = attribute.slice(0, equals);
      const value = attribute.slice(equals + 1).replace(/\\(.)/g, '$1');
      if (key === 'CN') found.CN.push(value);
      if (key === 'O') found.O.push(value);
    }
  }
  return found;
}
