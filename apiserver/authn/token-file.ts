/** Static tokens (`--token-auth-file`): lines of `token,user,uid,"group1,group2"`. Read once at start. */
import type { UserInfo } from '../server/request-context.js';
import type { Authentication, TokenAuthenticator } from './authenticator.js';

export class TokenFileAuthenticator implements TokenAuthenticator {
  private readonly users = new Map<string, UserInfo>();

  /** Throws for a file that is not well formed. */
  constructor(csv: string) {
    csv.split(/\r?\n/).forEach((line, index) => {
      if (line.trim() === '') return;
      const [token = '', name = '', uid = '', groups = ''] = fields(line);
      if (token === '' || name === '')
        throw new Error(`line ${index + 1} of the token file needs token,user,uid`);
      this.users.set(token, {
        name,
        ...(uid ? { uid } : {}),
        groups: groups.split(',').filter((group) => group !== ''),
      });
    });
  }

  async authenticateToken(token: string): Promise<Authentication | undefined> {
    const user = this.users.get(token);
    return user && { user };
  }
}

function fields(line: string): string[] {
  return [...line.matchAll(/(?:^|,)(?:"([^"]*)"|([^,]*))/g)].map((match) =>
    (match[1] ?? match[2] ?? '').trim(),
  );
}
