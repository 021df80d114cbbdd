/** Discovery of what is served just now: made anew, when it is asked for, after something was added or went. */
import type { ResourceDefinition } from '../../registry/resource.js';
import type { RequestContext } from '../../server/request-context.js';
import { Discovery } from './discovery.js';

type Groups = ReturnType<Discovery['groupDocuments']>;

export class LiveDiscovery {
  private of: readonly ResourceDefinition[] | undefined;
  private made: Discovery | undefined;
  private address = '';

  /** Another list whenever something changed. */
  constructor(private readonly definitions: () => readonly ResourceDefinition[]) {}

  /** Where clients reach this server: `10.0.0.5:6443`. */
  servedAt(address: string): void {
    this.address = address;
    this.made = undefined;
  }

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
      this.made = new Discovery(now, this.address);
    }
    return this.made;
  }
}
