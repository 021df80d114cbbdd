/**
 * Reads the model classes of the client library as text: what fields a class has, of which types, which of
 * them are required, and what they mean. Nothing of it is run, since its root does not load on Node 20.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

export interface ModelField {
  /** As on the wire. */
  readonly name: string;
  /** `string`, `Array<V1Container>`, `{ [key: string]: string; }`, `any` … */
  readonly type: string;
  readonly format: string;
  readonly required: boolean;
  readonly description: string;
}

export interface Model {
  readonly description: string;
  readonly fields: readonly ModelField[];
}

interface Attribute {
  name: string;
  baseName: string;
  type: string;
  format: string;
}

/** The folder of the client library whose models are read, and its version. */
export function modelsLibrary(): { dir: string; version: string } {
  const root = join(
    dirname(createRequire(import.meta.url).resolve('kubernetes-models-1.36/package.json')),
    '.',
  );
  const manifest: { version: string } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  );
  return { dir: join(root, 'dist/gen/models'), version: manifest.version };
}

/** The models but those of alpha versions, by class name: `V1Pod`, `CoreV1Event`. */
export function readModels(dir: string): Map<string, Model> {
  const models = new Map<string, Model>();
  for (const file of readdirSync(dir)) {
    const name = /^([A-Za-z]*V[12](?:beta\d)?[A-Z]\w*|VersionInfo)\.js$/.exec(file)?.[1];
    if (name) models.set(name, readModel(dir, name));
  }
  return models;
}

function readModel(dir: string, name: string): Model {
  const code = readFileSync(join(dir, `${name}.js`), 'utf8');
  const declarations = readFileSync(join(dir, `${name}.d.ts`), 'utf8');
  const described = new Map<string, { optional: boolean; description: string }>();
  const member = /^ {4}(?:\/\*\*\n {4}\* (.*)\n {4}\*\/\n {4})?'([^']+)'(\??): /gm;
  for (const [, description = '', field = '', optional] of declarations.matchAll(member)) {
    described.set(field, { optional: optional === '?', description: unescaped(description) });
  }
  const about = /\/\*\*\n\* (.*)\n\*\/\nexport declare class/.exec(declarations)?.[1] ?? '';
  const start = code.indexOf('attributeTypeMap = [');
  const end = code.indexOf('];', start);
  const attributes: Attribute[] =
    start < 0 ? [] : JSON.parse(code.slice(start + 'attributeTypeMap = '.length, end + 1));
  return {
    description: unescaped(about),
    fields: attributes.map(({ name: property, baseName, type, format }) => {
      const found = described.get(property);
      if (!found) throw new Error(`${name}.${property} has no declaration`);
      return {
        name: baseName,
        type,
        format,
        required: !found.optional,
        description: found.description,
      };
    }),
  };
}

/** The library escapes quotes inside its comments. */
function unescaped(text: string): string {
  return text
    .replaceAll("\\'", "'")
    .replaceAll('\\"', '"')
    .replaceAll('\\`', '`')
    .replaceAll('*_/', '*/');
}
