/**
 * The flags of the apiserver that name files about who may come in, what they may do, and what is written
 * down of it: read, checked, and handed on as what the server takes. A file that is wrong ends the start.
 */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parse } from 'yaml';
import { type Kubeconfig, kubeconfigContext, type RestConfig } from '../../pkg/client/config.js';
import type { Clock } from '../../pkg/component/clock.js';
import type { FlagValues } from '../../pkg/component/flags.js';
import type { Logger } from '../../pkg/component/logger.js';
import {
  type ConfigurationFiles,
  parseAdmissionConfiguration,
} from '../admission/configuration.js';
import { parseAuthenticationConfiguration } from '../authn/authentication-configuration.js';
import type { AuthenticatorOptions } from '../authn/index.js';
import type { OidcIssuer } from '../authn/oidc.js';
import { parseAuthorizationConfiguration } from '../authz/authorization-configuration.js';
import type { Reconfiguration, WebhookMode } from '../authz/index.js';
import { EncryptionConfiguration } from '../storage/encryption/configuration.js';
import type { ApiServer } from './api-server.js';
import type { ApiServerOptions } from './api-server-options.js';
import { AuditLogFile } from './audit/log-file.js';
import { AuditPolicy } from './audit/policy.js';
import { followFile } from './follow-file.js';

export interface AccessFiles {
  readonly authentication: Partial<
    Pick<AuthenticatorOptions, 'bootstrapTokens' | 'issuers' | 'webhook' | 'anonymous'>
  >;
  readonly server: Pick<
    ApiServerOptions,
    'admission' | 'authorizationModes' | 'authorization' | 'audit' | 'encryption'
  >;
  /**
   * Until the signal aborts, what these files say counts as soon as they say something else; one that is wrong
   * changes nothing, and is said.
   */
  follow(
    server: Pick<ApiServer, 'reconfigureEncryption' | 'issuers' | 'authorizer'>,
    signal: AbortSignal,
  ): Promise<void>;
  /** Writes out what is pending. */
  close(): void;
}

export function readAccessFiles(flags: FlagValues, clock: Clock, logger: Logger): AccessFiles {
  const audit = auditOf(flags, clock, logger);
  const files = {
    encryption: fileOf(flags, 'encryption-provider-config'),
    authentication: fileOf(flags, 'authentication-config'),
    authorization: fileOf(flags, 'authorization-config'),
  };
  const { encryption } = files;
  const admission = fileOf(flags, 'admission-control-config-file');
  return {
    authentication: authenticationOf(flags, files.authentication),
    server: {
      ...authorizationOf(flags, files.authorization),
      ...(audit ? { audit } : {}),
      ...(admission === undefined
        ? {}
        : {
            admission: parseAdmissionConfiguration(
              admission,
              filesBeside(flags.text('admission-control-config-file')),
            ),
          }),
      ...(encryption === undefined
        ? {}
        : { encryption: EncryptionConfiguration.parse(encryption) }),
    },
    async follow(server, signal) {
      const of = (flag: string, text: string) => ({
        path: flags.text(flag),
        text,
        clock,
        logger,
        signal,
      });
      const following: Promise<void>[] = [];
      if (encryption !== undefined && flags.boolean('encryption-provider-config-automatic-reload'))
        following.push(
          followFile(of('encryption-provider-config', encryption), (text) =>
            server.reconfigureEncryption(EncryptionConfiguration.parse(text)),
          ),
        );
      if (files.authentication !== undefined)
        following.push(
          followFile(of('authentication-config', files.authentication), (text) =>
            server.issuers.reconfigure(authenticationConfig(flags, text).issuers, signal),
          ),
        );
      if (files.authorization !== undefined)
        following.push(
          followFile(of('authorization-config', files.authorization), (text) =>
            server.authorizer.reconfigure(configuredAuthorizers(text)),
          ),
        );
      await Promise.all(following);
    },
    close: () => audit?.sink.close(),
  };
}

function authenticationConfig(flags: FlagValues, text: string) {
  return parseAuthenticationConfiguration(text, [flags.text('service-account-issuer')]);
}

function configuredAuthorizers(text: string): Reconfiguration {
  const authorizers = parseAuthorizationConfiguration(text);
  const webhooks = authorizers.flatMap(({ webhook }): WebhookMode[] => {
    if (!webhook) return [];
    const { kubeconfigFile, ...rest } = webhook;
    return [{ ...rest, target: kubeconfigAt(kubeconfigFile) }];
  });
  return { modes: authorizers.map(({ type }) => type), webhooks };
}

function fileOf(flags: FlagValues, flag: string): string | undefined {
  const path = flags.text(flag);
  return path === '' ? undefined : readFileSync(path, 'utf8');
}

/** Paths in a file are relative to it. */
function filesBeside(file: string): ConfigurationFiles {
  const at = (path: string) => resolve(dirname(file), path);
  return {
    readFile: (path) => readFileSync(at(path), 'utf8'),
    readKubeconfig: (path) => kubeconfigAt(at(path)),
  };
}

function kubeconfigAt(path: string): RestConfig {
  return kubeconfigContext(parse(readFileSync(path, 'utf8')) as Kubeconfig, dirname(path));
}

function authenticationOf(
  flags: FlagValues,
  file: string | undefined,
): AccessFiles['authentication'] {
  const webhook = flags.text('authentication-token-webhook-config-file');
  const issuer = issuerOf(flags);
  if (webhook !== '') mustBeV1(flags, 'authentication-token-webhook-version');
  if (file !== undefined && issuer)
    throw new Error('authentication-config file and oidc-* flags are mutually exclusive');
  const config = file === undefined ? undefined : authenticationConfig(flags, file);
  return {
    bootstrapTokens: flags.boolean('enable-bootstrap-token-auth'),
    issuers: config?.issuers ?? (issuer ? [issuer] : []),
    ...(config?.anonymous ? { anonymous: config.anonymous } : {}),
    ...(webhook === ''
      ? {}
      : {
          webhook: {
            target: kubeconfigAt(webhook),
            cacheTtlMs: flags.number('authentication-token-webhook-cache-ttl'),
          },
        }),
  };
}

function issuerOf(flags: FlagValues): OidcIssuer | undefined {
  const url = flags.text('oidc-issuer-url');
  const client = flags.text('oidc-client-id');
  if (url === '' && client === '') return undefined;
  if (url === '' || client === '')
    throw new Error(
      'oidc-issuer-url and oidc-client-id must be specified together when any oidc-* flags are set',
    );
  if (!url.startsWith('https://'))
    throw new Error(
      `oidc-issuer-url: Invalid value: ${JSON.stringify(url)}: URL scheme must be https`,
    );
  const claim = flags.text('oidc-username-claim');
  const prefix = flags.text('oidc-username-prefix');
  const groups = flags.text('oidc-groups-claim');
  const ca = fileOf(flags, 'oidc-ca-file');
  return {
    url,
    audiences: [client],
    ...(ca === undefined ? {} : { ca }),
    signingAlgorithms: flags.list('oidc-signing-algs'),
    // A name is only unique with its issuer, but for an address of mail.
    username: {
      claim,
      prefix: prefix === '-' ? '' : prefix || (claim === 'email' ? '' : `${url}#`),
    },
    ...(groups === ''
      ? {}
      : { groups: { claim: groups, prefix: flags.text('oidc-groups-prefix') } }),
    requiredClaims: Object.fromEntries(
      flags.list('oidc-required-claim').map((entry) => {
        const equals = entry.indexOf('=');
        if (equals < 1) throw new Error(`oidc-required-claim: ${entry} must be key=value`);
        return [entry.slice(0, equals), entry.slice(equals + 1)];
      }),
    ),
  };
}

function authorizationOf(
  flags: FlagValues,
  file: string | undefined,
): Pick<ApiServerOptions, 'authorizationModes' | 'authorization'> {
  const abacPolicy = fileOf(flags, 'authorization-policy-file');
  const abac = abacPolicy === undefined ? {} : { abacPolicy };
  if (file !== undefined) {
    const { modes: authorizationModes, webhooks = [] } = configuredAuthorizers(file);
    return { authorizationModes, authorization: { ...abac, webhooks } };
  }
  const webhook = flags.text('authorization-webhook-config-file');
  const modes = flags.list('authorization-mode');
  if (webhook !== '') {
    mustBeV1(flags, 'authorization-webhook-version');
    if (!modes.includes('Webhook'))
      throw new Error('cannot specify --authorization-webhook-config-file without mode Webhook');
  }
  if (abacPolicy !== undefined && !modes.includes('ABAC'))
    throw new Error('cannot specify --authorization-policy-file without mode ABAC');
  return {
    authorizationModes: modes,
    authorization: {
      ...abac,
      webhooks:
        webhook === ''
          ? []
          : [
              {
                target: kubeconfigAt(webhook),
                authorizedTtlMs: flags.number('authorization-webhook-cache-authorized-ttl'),
                unauthorizedTtlMs: flags.number('authorization-webhook-cache-unauthorized-ttl'),
                failurePolicy: 'NoOpinion',
              },
            ],
    },
  };
}

function mustBeV1(flags: FlagValues, flag: string): void {
  const version = flags.text(flag);
  if (version !== 'v1') throw new Error(`--${flag}: only v1 is supported, not ${version}`);
}

function auditOf(flags: FlagValues, clock: Clock, logger: Logger) {
  const policy = fileOf(flags, 'audit-policy-file');
  const path = flags.text('audit-log-path');
  const format = flags.text('audit-log-format');
  if (format !== 'json')
    throw new Error(`--audit-log-format: only json is supported, not ${format}`);
  if (policy === undefined || path === '') return undefined;
  return {
    policy: AuditPolicy.parse(policy),
    sink: new AuditLogFile({
      path,
      maxSizeMib: flags.number('audit-log-maxsize'),
      maxBackups: flags.number('audit-log-maxbackup'),
      maxAgeDays: flags.number('audit-log-maxage'),
      clock,
      logger,
    }),
  };
}
