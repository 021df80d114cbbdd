/**
 * What a connection to a pod, a node or a Service asks for, as an object: admission sees the query of
 * `exec`, `portforward`, `proxy` … in the form of PodExecOptions and its like.
 */
import type { KubeObject } from '../../pkg/apimachinery/meta.js';
import type { RequestContext } from '../server/request-context.js';

type Kind = { readonly group: string; readonly version: string; readonly kind: string };

const SWITCHES = ['stdin', 'stdout', 'stderr', 'tty', 'follow', 'previous', 'timestamps'];
const NUMBERS = ['tailLines', 'sinceSeconds', 'limitBytes'];

export function connectOptions({ group, version, kind }: Kind, ctx: RequestContext): KubeObject {
  const { query, requestInfo } = ctx;
  const fields: Record<string, unknown> = {};
  for (const name of SWITCHES) {
    const value = query.get(name);
    if (value !== null && !/^(0|f|false)$/i.test(value)) fields[name] = true;
  }
  for (const name of NUMBERS) {
    const value = Number(query.get(name) ?? Number.NaN);
    if (Number.isInteger(value)) fields[name] = value;
  }
  const container = query.get('container');
  if (container) fields['container'] = container;
  const command = query.getAll('command');
  if (command.length > 0) fields['command'] = command;
  const ports = query.getAll('ports').map(Number).filter(Number.isInteger);
  if (ports.length > 0) fields['ports'] = ports;
  if (kind.endsWith('ProxyOptions')) {
    const path = requestInfo.parts.slice(3).join('/');
    if (path !== '') fields['path'] = `/${path}`;
  }
  return { kind, apiVersion: group === '' ? version : `${group}/${version}`, ...fields };
}
