/** The parameters of the API's paths, by name, and which of them an action takes. */

export interface ParameterInfo {
  readonly in: 'query' | 'path';
  readonly type: 'string' | 'integer' | 'boolean';
  readonly description: string;
}

const query = (type: ParameterInfo['type'], description: string): ParameterInfo => ({
  in: 'query',
  type,
  description,
});
const inPath = (description: string): ParameterInfo => ({
  in: 'path',
  type: 'string',
  description,
});

export const PARAMETERS: Readonly<Record<string, ParameterInfo>> = {
  name: inPath('Name of the object.'),
  namespace: inPath('Namespace of the object.'),
  path: inPath('Path to the resource.'),

  allowWatchBookmarks: query(
    'boolean',
    'Whether a watch may carry BOOKMARK events, which say how far it is.',
  ),
  continue: query('string', 'What the last part of a list gave for getting the next one.'),
  dryRun: query('string', 'With `All` every step is done but the last: nothing is stored.'),
  fieldManager: query('string', 'Who is remembered as the manager of the fields that change.'),
  fieldSelector: query('string', 'Only objects with these values of fields.'),
  fieldValidation: query(
    'string',
    'What unknown and duplicate fields do: `Ignore`, `Warn` or `Strict`.',
  ),
  force: query('boolean', 'Apply takes fields from other managers.'),
  gracePeriodSeconds: query('integer', 'Seconds before the object goes; 0 deletes at once.'),
  ignoreStoreReadErrorWithClusterBreakingPotential: query(
    'boolean',
    'Deletes an object that can not be read any more. Unsafe.',
  ),
  labelSelector: query('string', 'Only objects with these labels.'),
  limit: query('integer', 'The most objects that one answer holds.'),
  orphanDependents: query('boolean', 'Deprecated: use propagationPolicy.'),
  pretty: query('string', 'With `true` the answer is laid out for reading.'),
  propagationPolicy: query(
    'string',
    'What becomes of dependents: `Orphan`, `Background` or `Foreground`.',
  ),
  resourceVersion: query('string', 'How new the answer must be.'),
  resourceVersionMatch: query('string', 'How resourceVersion is meant: `Exact` or `NotOlderThan`.'),
  sendInitialEvents: query('boolean', 'A watch begins with the objects that there are.'),
  timeoutSeconds: query('integer', 'How long a list or watch may last.'),
  watch: query('boolean', 'Changes as they happen, in place of a list.'),

  command: query('string', 'What is run, one parameter an argument; no shell is involved.'),
  container: query('string', 'The container; the only one when left out.'),
  follow: query('boolean', 'Stays and sends what is logged from now on.'),
  insecureSkipTLSVerifyBackend: query('boolean', 'The kubelet may have any certificate.'),
  limitBytes: query('integer', 'Ends the log after that many bytes.'),
  ports: query('integer', 'The ports to forward.'),
  previous: query('boolean', 'The log of the container that ran before.'),
  sinceSeconds: query('integer', 'Only the log of the last seconds.'),
  stderr: query('boolean', 'Whether standard error comes along.'),
  stdin: query('boolean', 'Whether standard input goes along.'),
  stdout: query('boolean', 'Whether standard output comes along.'),
  stream: query('string', 'Which of the streams: `All`, `Stdout` or `Stderr`.'),
  tailLines: query('integer', 'Only the last lines of the log.'),
  timestamps: query('boolean', 'Each line begins with its time.'),
  tty: query('boolean', 'Whether there is a terminal.'),
};

/** A query parameter that shares its name with one in the path. */
export const QUERY_PATH: ParameterInfo = query('string', 'Path of the request that is passed on.');

const SELECT = [
  'continue',
  'fieldSelector',
  'labelSelector',
  'limit',
  'resourceVersion',
  'resourceVersionMatch',
  'sendInitialEvents',
  'timeoutSeconds',
];
const WRITE = ['dryRun', 'fieldManager', 'fieldValidation'];
const DELETE = [
  'dryRun',
  'gracePeriodSeconds',
  'ignoreStoreReadErrorWithClusterBreakingPotential',
  'orphanDependents',
  'propagationPolicy',
];

export const LIST_PARAMETERS: readonly string[] = [
  'allowWatchBookmarks',
  ...SELECT,
  'watch',
].sort();
export const WRITE_PARAMETERS: readonly string[] = WRITE;
export const PATCH_PARAMETERS: readonly string[] = [...WRITE, 'force'];
export const DELETE_PARAMETERS: readonly string[] = DELETE;
export const DELETE_COLLECTION_PARAMETERS: readonly string[] = [...SELECT, ...DELETE].sort();

/** Of the subresources that are streams or proxies, by their name. */
export const CONNECT_PARAMETERS: Readonly<Record<string, readonly string[]>> = {
  attach: ['container', 'stderr', 'stdin', 'stdout', 'tty'],
  exec: ['command', 'container', 'stderr', 'stdin', 'stdout', 'tty'],
  log: [
    'container',
    'follow',
    'insecureSkipTLSVerifyBackend',
    'limitBytes',
    'pretty',
    'previous',
    'sinceSeconds',
    'stream',
    'tailLines',
    'timestamps',
  ],
  portforward: ['ports'],
  proxy: [],
};
