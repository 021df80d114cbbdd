/**
 * The contract of admission (`k8s.io/apiserver/pkg/admission`). A plugin is one file of `plugins/` and one
 * line of its index, whose order is the order of Kubernetes' chain. `admit` may change `object`;
 * `validate` runs after all changes and schema checks and may only refuse, with a StatusError.
 */
import type { KubeObject } from '../../pkg/apimachinery/meta.js';
import type { RequestContext, ServerAccess } from '../server/request-context.js';

export type Operation = 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';

export interface AdmissionAttributes {
  readonly operation: Operation;
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  /** Absent for DELETE. Plugins of `admit` change it in place or replace it. */
  object?: KubeObject;
  /** Absent for CREATE; frozen. */
  readonly oldObject?: KubeObject;
  readonly options?: KubeObject;
  readonly dryRun: boolean;
  /**
   * A plugin that changed the object so that earlier ones may have more to say sets it to `wanted`: the
   * chain then runs all mutating plugins once more, in the state `running`.
   */
  reinvocation?: 'wanted' | 'running';
}

export interface AdmissionPlugin {
  /** Upstream's name, as `--disable-admission-plugins` takes it. */
  readonly name: string;
  /** Whether the plugin has anything to say, decided before any work is done. */
  handles(operation: Operation, group: string, resource: string, subresource: string): boolean;
  admit?(attributes: AdmissionAttributes, ctx: RequestContext): Promise<void> | void;
  validate?(attributes: AdmissionAttributes, ctx: RequestContext): Promise<void> | void;
}

export interface AdmissionPluginFactory {
  readonly name: string;
  create(server: ServerAccess): AdmissionPlugin;
}

/** All enabled plugins in order. */
export interface AdmissionChain {
  admit(attributes: AdmissionAttributes, ctx: RequestContext): Promise<void>;
  validate(attributes: AdmissionAttributes, ctx: RequestContext): Promise<void>;
}
