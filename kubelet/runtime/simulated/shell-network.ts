/**
 * Commands that look a name up. Names of the cluster are answered as its DNS would: a Service that is there has an
 * address, one that is not there has none. Of other names, and of what answers at an address, nothing is known here:
 * those commands succeed at once and print nothing.
 */
import { out, type Run, type ShellContext } from './shell-effect.js';

type Command = (args: readonly string[], ctx: ShellContext) => Run;

const DNS_SERVER = '10.96.0.10';

export const NETWORK_COMMANDS: Readonly<Record<string, Command>> = {
  *nslookup(args, ctx) {
    const name = args.find((arg) => !arg.startsWith('-')) ?? '';
    const addresses = ctx.resolve(name);
    if (addresses === undefined) return 0;
    yield out(
      `Server:    ${DNS_SERVER}\nAddress 1: ${DNS_SERVER} kube-dns.kube-system.svc.cluster.local\n\n`,
    );
    if (addresses.length === 0) return yield* fails(`nslookup: can't resolve '${name}'`);
    const lines = addresses.map((address, i) => `Address ${i + 1}: ${address}\n`);
    yield out(`Name:      ${name}\n${lines.join('')}`);
    return 0;
  },
  *ping(args, ctx) {
    return yield* reaches(args.at(-1), ctx, (host) => `ping: bad address '${host}'`);
  },
  *wget(args, ctx) {
    return yield* reaches(urlOf(args), ctx, (host) => `wget: bad address '${host}'`);
  },
  *nc(args, ctx) {
    const host = args.filter((arg) => !arg.startsWith('-') && !/^\d+$/.test(arg))[0];
    return yield* reaches(host, ctx, (name) => `nc: bad address '${name}'`);
  },
  *curl(args, ctx) {
    const message = (host: string) => `curl: (6) Could not resolve host: ${host}`;
    return yield* reaches(urlOf(args), ctx, message, 6);
  },
};

function* reaches(
  target: string | undefined,
  ctx: ShellContext,
  message: (host: string) => string,
  code = 1,
): Run {
  const host = /^(?:\w+:\/\/)?(?:[^@/]*@)?([^:/?]+)/.exec(target ?? '')?.[1];
  if (host === undefined || ctx.resolve(host)?.length !== 0) return 0;
  return yield* fails(message(host), code);
}

function urlOf(args: readonly string[]): string | undefined {
  return (
    args.find((arg) => /^\w+:\/\//.test(arg)) ?? args.filter((arg) => !arg.startsWith('-')).at(-1)
  );
}

function* fails(text: string, code = 1): Run {
  yield { type: 'print', text: `${text}\n`, stream: 'stderr' };
  return code;
}
