/** How a definition says that its versions are converted: not at all, or by a webhook. */
import type { CustomResourceConversion } from '../../../pkg/api/types.js';
import {
  type FieldError,
  forbidden,
  invalid,
  notSupported,
  type Path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import { isDNS1035Label } from '../../../pkg/apimachinery/validation/names.js';
import { validateWebhookClient } from '../../registry/validation/webhook-client.js';

const REVIEW_VERSIONS = ['v1', 'v1beta1'];

export function validateConversion(
  conversion: CustomResourceConversion | undefined,
  at: Path,
): FieldError[] {
  if (!conversion) return [];
  const { strategy, webhook } = conversion;
  const strategies = ['None', 'Webhook'];
  const client = at.child('webhookClientConfig');
  const reviews = at.child('conversionReviewVersions');
  const errors: FieldError[] = [];
  if (!strategy) errors.push(required(at.child('strategy')));
  else if (!strategies.includes(strategy))
    errors.push(notSupported(at.child('strategy'), strategy, strategies));
  if (strategy !== 'Webhook') {
    const text = 'should not be set when strategy is not set to Webhook';
    if (webhook?.clientConfig) errors.push(forbidden(client, text));
    if (webhook?.conversionReviewVersions?.length) errors.push(forbidden(reviews, text));
    return errors;
  }
  if (webhook?.clientConfig) errors.push(...validateWebhookClient(webhook.clientConfig, client));
  else errors.push(required(client, 'required when strategy is set to Webhook'));
  errors.push(...validateReviewVersions(webhook?.conversionReviewVersions ?? [], reviews));
  return errors;
}

function validateReviewVersions(versions: readonly string[], at: Path): FieldError[] {
  if (versions.length === 0) return [required(at)];
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  for (const [i, version] of versions.entries()) {
    if (seen.has(version)) errors.push(invalid(at.index(i), version, 'duplicate version'));
    else errors.push(...isDNS1035Label(version).map((why) => invalid(at.index(i), version, why)));
    seen.add(version);
  }
  if (!versions.some((version) => REVIEW_VERSIONS.includes(version))) {
    const text = `must include at least one of ${REVIEW_VERSIONS.join(', ')}`;
    errors.push(invalid(at, versions, text));
  }
  return errors;
}
