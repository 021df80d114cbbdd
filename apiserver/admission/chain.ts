/** Runs the plugins in order; which of them have anything to say about a kind of write is remembered. */
import type { RequestContext } from '../server/request-context.js';
import type { AdmissionAttributes, AdmissionChain, AdmissionPlugin } from './admission.js';

interface Handlers {
  readonly admit: readonly AdmissionPlugin[];
  readonly validate: readonly AdmissionPlugin[];
}

export class PluginChain implements AdmissionChain {
  /** By operation, resource and subresource: as many as the API has, since only served ones get here. */
  private readonly handlers = new Map<string, Handlers>();

  constructor(private readonly plugins: readonly AdmissionPlugin[]) {}

  async admit(attributes: AdmissionAttributes, ctx: RequestContext): Promise<void> {
    await this.mutate(attributes, ctx);
    if (attributes.reinvocation !== 'wanted') return;
    attributes.reinvocation = 'running';
    await this.mutate(attributes, ctx);
  }

  async validate(attributes: AdmissionAttributes, ctx: RequestContext): Promise<void> {
    for (const plugin of this.of(attributes).validate) {
      const pending = plugin.validate?.(attributes, ctx);
      if (pending) await pending;
    }
  }

  private async mutate(attributes: AdmissionAttributes, ctx: RequestContext): Promise<void> {
    for (const plugin of this.of(attributes).admit) {
      const pending = plugin.admit?.(attributes, ctx);
      if (pending) await pending;
    }
  }

  private of({ operation, group, resource, subresource }: AdmissionAttributes): Handlers {
    const key = `${operation}/${group}/${resource}/${subresource}`;
    let found = this.handlers.get(key);
    if (!found) {
      const handling = this.plugins.filter((plugin) =>
        plugin.handles(operation, group, resource, subresource),
      );
      found = {
        admit: handling.filter((plugin) => plugin.admit),
        validate: handling.filter((plugin) => plugin.validate),
      };
      this.handlers.set(key, found);
    }
    return found;
  }
}
