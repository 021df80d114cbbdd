/**
 * Which clause of Kubernetes' conformance list is held to which test of ours. A clause goes by its testname;
 * where several have the same one, by its codename. A row names a test that asserts everything that the clause
 * says must be, or says why there is none. `coverage.test.ts` keeps the table true to the tests and complete.
 */
import { apiMachinery } from './api-machinery.js';
import { apps } from './apps.js';
import { network } from './network.js';
import { node } from './node.js';
import { others } from './others.js';
import { scheduling } from './scheduling.js';
import { storage } from './storage.js';

export interface Covered {
  /** From the root of the project. */
  readonly file: string;
  /** The titles on the way to the test, outermost first, as far as they stand in that file. */
  readonly test: readonly string[];
}

export interface NotCovered {
  readonly notCovered: string;
}

export type Row = Covered | NotCovered;
/** Pairs, so that a name that is there twice is seen. */
export type Area = readonly (readonly [clause: string, row: Row])[];

/** By the special interest group that a codename begins with. */
export const AREAS: Readonly<Record<string, Area>> = {
  'sig-apps': apps,
  'sig-scheduling': scheduling,
  'sig-api-machinery': apiMachinery,
  'sig-node': node,
  'sig-network': network,
  'sig-storage': storage,
  'sig-auth': others.auth,
  'sig-cli': others.cli,
  'sig-instrumentation': others.instrumentation,
  'sig-architecture': others.architecture,
};
