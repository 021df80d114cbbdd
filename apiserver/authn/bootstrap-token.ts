/**
 * Bootstrap tokens (`ID.SECRET`, kept in kube-system as Secret `bootstrap-token-ID`): how a machine that
 * wants to become a node says that somebody told it to. Good while the Secret is there, is not expired and
 * says that its token may be used to authenticate.
 */
import { timingSafeEqual } from 'node:crypto';
import type { Secret } from '../../pkg/api/types.js';
import { isReason } from '../../pkg/apimachinery/status.js';
import { parseTime } from '../../pkg/apimachinery/time.js';
import type { Clock } from '../../pkg/component/clock.js';
import type { ServerAccess } from '../server/request-context.js';
import type { Authentication, TokenAuthenticator } from './authenticator.js';

const TOKEN = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;
const NAMESPACE = 'kube-system';
const TYPE = 'bootstrap.kubernetes.io/token';
const DEFAULT_GROUP = 'system:bootstrappers';
const EXTRA_GROUP = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/;

export class BootstrapTokens implements TokenAuthenticator {
  constructor(
    private readonly server: ServerAccess,
    private readonly clock: Clock,
  ) {}

  async authenticateToken(token: string): Promise<Authentication | undefined> {
    const [, id, secret] = TOKEN.exec(token) ?? [];
    if (id === undefined || secret === undefined) return undefined;
    const found = await this.secret(`bootstrap-token-${id}`);
    if (!found || found.metadata?.deletionTimestamp || found.type !== TYPE) return undefined;
    const of = (key: string) => Buffer.from(found.data?.[key] ?? '', 'base64').toString('utf8');
    if (!same(of('token-secret'), secret) || of('token-id') !== id) return undefined;
    const expiration = of('expiration');
    if (expiration !== '') {
      const at = parseTime(expiration);
      // What cannot be read does not count as endless.
      if (at === undefined || at <= this.clock.now()) return undefined;
    }
    if (of('usage-bootstrap-authentication') !== 'true') return undefined;
    const extra = of('auth-extra-groups')
      .split(',')
      .filter((group) => group !== '');
    if (!extra.every((group) => EXTRA_GROUP.test(group))) return undefined;
    return {
      user: { name: `system:bootstrap:${id}`, groups: [...new Set([DEFAULT_GROUP, ...extra])] },
    };
  }

  private async secret(name: string): Promise<Secret | undefined> {
    try {
      return await this.server.store('', 'secrets').get(NAMESPACE, name);
    } catch (err) {
      if (isReason(err, 'NotFound')) return undefined;
      throw err;
    }
  }
}

function same(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
