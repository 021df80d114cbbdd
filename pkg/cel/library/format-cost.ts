/** How long the pattern behind a named format is at most: what checking a text against it is estimated by. */

/** Those of names and label values; quoted from the longest pattern that each may try. */
const LONGEST: Readonly<Record<string, number>> = {
  'format.dns1123Label': 30,
  'format.dns1123Subdomain': 60,
  'format.dns1035Label': 30,
  'format.qualifiedName': 60,
  'format.dns1123LabelPrefix': 30,
  'format.dns1123SubdomainPrefix': 60,
  'format.dns1035LabelPrefix': 30,
  'format.labelValue': 40,
  'format.uri': 0,
  'format.uuid': 50,
  'format.byte': 30,
  'format.date': 50,
  'format.datetime': 50,
};
/** Of a format that is found out at run time only. */
const ANY = 60;

export function formatCosts(name: string | undefined): {
  readonly min: number;
  readonly max: number;
} {
  const length = name === undefined ? undefined : LONGEST[name];
  return length === undefined ? { min: 0, max: ANY } : { min: length, max: length };
}
