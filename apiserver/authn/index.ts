/** The authentication methods of a server, in upstream's order. */
import type { Clock } from '../../pkg/component/clock.js';
import type { ServerAccess } from '../server/request-context.js';
import type { AnonymousConfiguration } from './authentication-configuration.js';
import {
  Authenticators,
  BearerAuthenticator,
  type RequestAuthenticator,
  type TokenAuthenticator,
} from './authenticator.js';
import { BootstrapTokens } from './bootstrap-token.js';
import { CertificateVerifier, ClientCertificateAuthenticator } from './client-certificate.js';
import { Issuers } from './issuers.js';
import type { OidcIssuer } from './oidc.js';
import { RequestHeaderAuthenticator } from './request-header.js';
import { signingKey, verificationKeys } from './service-account-keys.js';
import { ServiceAccountTokens } from './service-account-token.js';
import { TokenFileAuthenticator } from './token-file.js';
import { type WebhookTokenOptions, WebhookTokens } from './webhook-token.js';

/** Contents of files, not their paths. */
export interface AuthenticatorOptions {
  readonly clientCa?: string;
  readonly tokenFile?: string;
  readonly serviceAccount?: {
    readonly issuer: string;
    /** Empty: the issuer. */
    readonly audiences: readonly string[];
    readonly keys: readonly string[];
    readonly signingKey?: string;
  };
  readonly requestHeader?: {
    readonly clientCa: string;
    readonly allowedNames: readonly string[];
    readonly usernameHeaders: readonly string[];
    readonly groupHeaders: readonly string[];
    readonly extraHeaderPrefixes: readonly string[];
    readonly uidHeaders?: readonly string[];
  };
  /** `--enable-bootstrap-token-auth`. */
  readonly bootstrapTokens?: boolean;
  readonly issuers?: readonly OidcIssuer[];
  readonly webhook?: Omit<WebhookTokenOptions, 'clock'>;
  readonly anonymous: boolean | AnonymousConfiguration;
  readonly server: ServerAccess;
  readonly clock: Clock;
}

export interface ServerAuthenticators extends Pick<Authenticators, 'authenticate'> {
  /** For TokenReview. */
  readonly tokens: readonly TokenAuthenticator[];
  readonly issuers: Issuers;
  /** For TokenRequest and the OpenID documents. */
  readonly serviceAccounts?: ServiceAccountTokens;
}

export function authenticatorOf(options: AuthenticatorOptions): ServerAuthenticators {
  const { clock, server, serviceAccount: account, requestHeader } = options;
  const methods: RequestAuthenticator[] = [];
  const tokens: TokenAuthenticator[] = [];
  if (requestHeader) {
    methods.push(
      new RequestHeaderAuthenticator({
        ...requestHeader,
        uidHeaders: requestHeader.uidHeaders ?? [],
        verifier: new CertificateVerifier(requestHeader.clientCa, clock),
      }),
    );
  }
  if (options.clientCa)
    methods.push(
      new ClientCertificateAuthenticator(new CertificateVerifier(options.clientCa, clock)),
    );
  if (options.tokenFile) tokens.push(new TokenFileAuthenticator(options.tokenFile));
  let serviceAccounts: ServiceAccountTokens | undefined;
  if (account) {
    serviceAccounts = new ServiceAccountTokens({
      issuer: account.issuer,
      audiences: account.audiences.length > 0 ? account.audiences : [account.issuer],
      keys: account.keys.flatMap(verificationKeys),
      ...(account.signingKey ? { signer: signingKey(account.signingKey) } : {}),
      server,
      clock,
    });
    tokens.push(serviceAccounts);
  }
  if (options.bootstrapTokens) tokens.push(new BootstrapTokens(server, clock));
  const issuers = new Issuers(options.issuers ?? [], clock);
  tokens.push(issuers);
  if (options.webhook) tokens.push(new WebhookTokens({ ...options.webhook, clock }));
  methods.push(new BearerAuthenticator(tokens));
  const authenticators = new Authenticators(methods, options.anonymous);
  return {
    authenticate: (req, onError) => authenticators.authenticate(req, onError),
    tokens,
    issuers,
    ...(serviceAccounts ? { serviceAccounts } : {}),
  };
}

export { jwks } from './service-account-keys.js';
