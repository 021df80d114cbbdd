/** Discovery of what is served just now: made anew, when it is asked for, after something was added or went. */
import type { ResourceDefinition } from '../../registry/resource.js';
import type { RequestContext } from '../../server/request-context.js';
import { Discovery } from './discovery.js';

type Groups = ReturnType<Discovery['groupDocuments']>;

export class LiveDiscovery {
  private of: readonly ResourceDefinition[] | undefined;
  private made: Discovery | undefined;

  /** Another list whenever something changed. */
  constructor(private readonly definitions: () => readonly ResourceDefinition[]) {}

  get paths(): string[] {
    return this.current.paths;
  }

  isKnownVersion(group: string, version: string): boolean {
    return this.current.isKnownVersion(group, version);
  }

  has(path: string): boolean {
    return this.current.has(path);
  }

  groupDocuments(): Groups {
    return this.current.groupDocuments();
  }

  aggregatedGroups(): Groups {
    return this.current.aggregatedGroups();
  }

  serve(ctx: RequestContext): boolean {
    return this.current.serve(ctx);
  }

  private get current(): Discovery {
    const now = this.definitions();
    if (!this.made || now !== this.of) {
      this.of = now;
      this.made = new Discovery(now);
    }
    return this.made;
  }
}
