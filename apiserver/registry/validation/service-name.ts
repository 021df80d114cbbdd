import type { FieldError } from '../../../pkg/apimachinery/field-error.js';

export { nameIsDNS1035Label as validateServiceName } from '../../../pkg/apimachinery/validation/names.js';
