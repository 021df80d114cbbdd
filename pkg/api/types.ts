/**
 * The types of the Kubernetes v1.35 API under their own names: `import type { Pod } from '../pkg/api/types.js'`.
 * Times and quantities are strings, an IntOrString is a number or a string. Where two versions or groups
 * have the same name, the newer or better known one is plain, the other one carries its version behind
 * (`HorizontalPodAutoscalerV1`) or its group before (`EventsEvent`, `CoreResourceClaim`).
 */
export type * from './generated/types.js';
