/** A Service's name is a label of DNS-1035: it becomes the first part of its host name, and of variables. */
export { nameIsDNS1035Label as validateServiceName } from '../../../pkg/apimachinery/validation/names.js';
