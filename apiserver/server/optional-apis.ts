/**
 * `--feature-gates` and `--runtime-config`: what Kubernetes v1.35 has off by default and this server can
 * switch on. Asking for anything else is an error: it would be without effect.
 */

export interface OptionalApis {
  /** Its kinds, as admissionregistration.k8s.io/v1beta1, and the plugin that invokes them. */
  readonly mutatingAdmissionPolicies: boolean;
}

export const NO_OPTIONAL_APIS: OptionalApis = { mutatingAdmissionPolicies: false };

const GATE = 'MutatingAdmissionPolicy';
const VERSION = 'admissionregistration.k8s.io/v1beta1';
const RESOURCES = ['mutatingadmissionpolicies', 'mutatingadmissionpolicybindings'];
/** Sets of versions, by how stable they are. */
const ALL = ['api/all', 'api/beta'];
/** Nothing of them can be switched. */
const OTHER = ['api/ga', 'api/alpha'];

/** Each as the flag's list has it: `NAME=true`. Throws, with the flag's name. */
export function optionalApis(
  featureGates: readonly string[],
  runtimeConfig: readonly string[],
): OptionalApis {
  const gates = new Map<string, boolean>();
  for (const [name, on] of switches(featureGates, '--feature-gates', undefined)) {
    if (name !== GATE && name !== 'AllBeta' && name !== 'AllAlpha')
      throw invalid('--feature-gates', featureGates, `unrecognized feature gate: ${name}`);
    gates.set(name, on);
  }
  const versions = new Map<string, boolean>();
  for (const [name, on] of switches(runtimeConfig, '--runtime-config', true)) {
    const resource = name.startsWith(`${VERSION}/`) && name.slice(VERSION.length + 1);
    const known = resource ? RESOURCES.includes(resource) : [VERSION, ...ALL].includes(name);
    if (!known && !OTHER.includes(name) && on !== isServed(name))
      throw invalid('--runtime-config', runtimeConfig, `${name} cannot be switched by this server`);
    versions.set(name, on);
  }
  const gate = gates.get(GATE) ?? gates.get('AllBeta') ?? false;
  const version = versions.get(VERSION) ?? versions.get('api/beta') ?? versions.get('api/all');
  const served = RESOURCES.map((resource) => versions.get(`${VERSION}/${resource}`) ?? version);
  return { mutatingAdmissionPolicies: gate && served.every((on) => on === true) };
}

/** Versions without `alpha` or `beta` in their names are on. */
function isServed(version: string): boolean {
  return /(^|\/)v\d+$/.test(version);
}

function switches(
  entries: readonly string[],
  flag: string,
  fallback: boolean | undefined,
): [string, boolean][] {
  return entries.map((entry) => {
    const [name = '', value] = entry.trim().split(/=(.*)/s);
    if (value === undefined && fallback !== undefined) return [name, fallback];
    if (value === undefined) throw invalid(flag, entries, `missing bool value for ${name}`);
    if (/^(1|t|true)$/i.test(value)) return [name, true];
    if (/^(0|f|false)$/i.test(value)) return [name, false];
    throw invalid(
      flag,
      entries,
      `invalid value of ${name}=${value}, err: strconv.ParseBool: parsing ${JSON.stringify(value)}: invalid syntax`,
    );
  });
}

function invalid(flag: string, entries: readonly string[], why: string): Error {
  return new Error(
    `invalid argument ${JSON.stringify(entries.join(','))} for "${flag}" flag: ${why}`,
  );
}
