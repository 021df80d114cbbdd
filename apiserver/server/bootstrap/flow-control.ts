/**
 * Keeps the mandatory and the suggested FlowSchemas and PriorityLevelConfigurations: made where they are missing,
 * brought back to what they should be where nobody said otherwise: at the start, and soon after a change.
 *
 *   mandatory                              always
 *   suggested, annotation `true`           always
 *   suggested, annotation `false`          left alone: the administrator's
 *   suggested, no annotation               as long as it was never changed (generation 1)
 *   annotation `true`, but none of these   taken away: another release made it
 */
import type { FlowSchema, PriorityLevelConfiguration } from '../../../pkg/api/types.js';
import { semanticDeepEqual } from '../../../pkg/apimachinery/equality.js';
import type { KubeObject } from '../../../pkg/apimachinery/meta.js';
import { isReason } from '../../../pkg/apimachinery/status.js';
import {
  AUTO_UPDATE,
  BOOTSTRAP_LEVELS,
  BOOTSTRAP_SCHEMAS,
  GROUP,
  MANDATORY_LEVELS,
  MANDATORY_SCHEMAS,
} from '../../flow-control/bootstrap-objects.js';
import type { RequestContext } from '../request-context.js';
import { keep } from './ensure.js';

type Kept = FlowSchema | PriorityLevelConfiguration;

/** Levels before the schemas that name them. */
export async function ensureFlowControl(ctx: RequestContext): Promise<void> {
  const levels = 'prioritylevelconfigurations';
  await Promise.all(BOOTSTRAP_LEVELS.map((level) => keepOne(ctx, levels, level)));
  await Promise.all(BOOTSTRAP_SCHEMAS.map((schema) => keepOne(ctx, 'flowschemas', schema)));
  await removeStray(ctx, 'flowschemas', BOOTSTRAP_SCHEMAS);
  await removeStray(ctx, levels, BOOTSTRAP_LEVELS);
}

async function keepOne(ctx: RequestContext, resource: string, wanted: Kept): Promise<void> {
  await keep(ctx, GROUP, resource, wanted, (current) => revised(current, wanted));
}

function revised(current: Kept, wanted: Kept): Kept | undefined {
  const mandatory = [...MANDATORY_LEVELS, ...MANDATORY_SCHEMAS].includes(wanted);
  const said = current.metadata?.annotations?.[AUTO_UPDATE];
  const update =
    mandatory || (said === undefined ? current.metadata?.generation === 1 : said === 'true');
  const annotation = mandatory ? 'true' : String(update);
  const sameSpec = !update || semanticDeepEqual(specOf(current), specOf(wanted));
  if (sameSpec && said === annotation) return undefined;
  return {
    ...current,
    metadata: {
      ...current.metadata,
      annotations: { ...current.metadata?.annotations, [AUTO_UPDATE]: annotation },
    },
    ...(sameSpec ? {} : { spec: wanted.spec }),
  } as Kept;
}

/** What administrators may set of the exempt level is theirs. */
function specOf({ metadata, spec }: Kept): unknown {
  if (metadata?.name !== 'exempt' || !spec || !('exempt' in spec)) return spec;
  const { exempt: _, ...rest } = spec;
  return rest;
}

async function removeStray(
  ctx: RequestContext,
  resource: string,
  kept: readonly KubeObject[],
): Promise<void> {
  const store = ctx.server.store(GROUP, resource);
  const names = new Set(kept.map(({ metadata }) => metadata?.name));
  for (const { metadata } of await store.list('')) {
    if (metadata?.annotations?.[AUTO_UPDATE] !== 'true' || names.has(metadata.name)) continue;
    try {
      await store.delete('', metadata.name ?? '', undefined, ctx);
    } catch (err) {
      if (!isReason(err, 'NotFound')) throw err;
    }
  }
}
