/** The other end of the supervisor's control socket. */
import { request } from 'node:http';
import type { Layout } from './layout.js';

/** No supervisor answers on this data folder. */
export class NotRunningError extends Error {
  constructor(layout: Layout) {
    super(`no cluster is running on ${layout.root}; start one with: drydock up`);
    this.name = 'NotRunningError';
  }
}

/** Throws NotRunningError, or an Error with the supervisor's own words. */
export function control<T>(
  layout: Layout,
  method: 'GET' | 'POST',
  path: string,
  body?: object,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const req = request({ socketPath: layout.socket, method, path }, (res) => {
      let text = '';
      res.setEncoding('utf8');
      res.on('data', (chunk: string) => {
        text += chunk;
      });
      res.on('end', () => {
        const answer = text === '' ? {} : JSON.parse(text);
        if (res.statusCode === 200) resolve(answer as T);
        else reject(new Error(answer.error ?? `the supervisor answered ${res.statusCode}`));
      });
    });
    req.on('error', (err: NodeJS.ErrnoException) =>
      reject(
        ['ENOENT', 'ENOTDIR', 'ECONNREFUSED', 'ECONNRESET'].includes(err.code ?? '')
          ? new NotRunningError(layout)
          : err,
      ),
    );
    req.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
