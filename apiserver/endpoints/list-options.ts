/** `meta/v1 ListOptions` from a query, checked as upstream checks them for list and for watch. */
import { badRequest, invalid, type Qualified } from '../../pkg/apimachinery/status.js';
import { validateListOptions } from '../../pkg/apimachinery/validation/options.js';

export interface ListOptions {
  readonly labelSelector: string;
  readonly fieldSelector: string;
  readonly limit: number;
  readonly continue: string;
  readonly resourceVersion: string;
  readonly resourceVersionMatch: '' | 'Exact' | 'NotOlderThan';
  readonly timeoutSeconds: number | undefined;
  readonly allowWatchBookmarks: boolean;
  readonly sendInitialEvents: boolean | undefined;
}

export function listOptions(query: URLSearchParams, watch: boolean, of: Qualified): ListOptions {
  const text = (name: string): string => query.get(name) ?? '';
  const match = text('resourceVersionMatch');
  const options: ListOptions = {
    labelSelector: text('labelSelector'),
    fieldSelector: text('fieldSelector'),
    limit: Math.max(0, integer(query, 'limit') ?? 0),
    continue: text('continue'),
    resourceVersion: text('resourceVersion'),
    resourceVersionMatch: match === 'Exact' || match === 'NotOlderThan' ? match : '',
    timeoutSeconds: integer(query, 'timeoutSeconds'),
    allowWatchBookmarks: flag(query, 'allowWatchBookmarks') ?? false,
    sendInitialEvents: flag(query, 'sendInitialEvents'),
  };
  const { sendInitialEvents, ...rest } = options;
  const errors = validateListOptions({
    ...rest,
    resourceVersionMatch: match,
    watch,
    ...(sendInitialEvents === undefined ? {} : { sendInitialEvents }),
  });
  if (errors.length > 0) throw invalid({ group: 'meta.k8s.io', kind: 'ListOptions' }, '', errors);
  if (options.resourceVersion !== '' && !/^[0-9]+$/.test(options.resourceVersion)) {
    throw invalidResourceVersion(options.resourceVersion, of);
  }
  return options;
}

/** As Go's `strconv.ParseInt` sees it. */
export function integer(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  if (!/^[+-]?[0-9]+$/.test(text))
    throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  const value = Number(text);
  if (!Number.isSafeInteger(value)) {
    throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: value out of range`);
  }
  return value;
}

/** Anything but `false` and `0` is true, also an empty value. */
export function flag(query: URLSearchParams, name: string): boolean | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  return text.toLowerCase() !== 'false' && text !== '0';
}

/** The storage finds it, and knows of the resource and not of the options. */
function invalidResourceVersion(text: string, { group, resource }: Qualified): Error {
  return invalid({ group, kind: resource }, '', [
    {
      type: 'FieldValueInvalid',
      field: 'resourceVersion',
      body: `Invalid value: ${JSON.stringify(text)}: strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`,
    },
  ]);
}
