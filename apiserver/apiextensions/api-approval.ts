/** Groups of the Kubernetes project take new kinds only with a word on who approved them. */
const ANNOTATION = 'api-approved.kubernetes.io';
const SEE = 'see https://github.com/kubernetes/enhancements/pull/1111';

export interface ApiApproval {
  readonly state: 'missing' | 'invalid' | 'bypassed' | 'approved';
  readonly reason: string;
}

export { ANNOTATION as APPROVAL_ANNOTATION };

export function isProtectedGroup(group: string): boolean {
  return /(^|\.)(k8s|kubernetes)\.io$/.test(group);
}

export function apiApproval(
  annotations: Readonly<Record<string, string>> | undefined,
): ApiApproval {
  const text = annotations?.[ANNOTATION] ?? '';
  const rule = `protected groups must have approval annotation "${ANNOTATION}"`;
  if (text === '') return { state: 'missing', reason: `${rule}, ${SEE}` };
  if (text.startsWith('unapproved'))
    return { state: 'bypassed', reason: `not approved: ${JSON.stringify(text)}` };
  if (URL.canParse(text) && new URL(text).host !== '')
    return { state: 'approved', reason: `approved in ${text}` };
  return {
    state: 'invalid',
    reason: `${rule} with either a URL or a reason starting with "unapproved", ${SEE}`,
  };
}
