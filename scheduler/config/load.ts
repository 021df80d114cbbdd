/**
 * Reads a KubeSchedulerConfiguration (YAML or JSON): decodes it strictly, puts in what it leaves out, and
 * refuses what upstream refuses, all faults at once.
 */
import { loadBuiltinSchemas } from '../../pkg/api/schema/builtin.js';
import { decodeBody, decodeValue } from '../../pkg/api/schema/decode.js';
import { Decoder } from '../../pkg/api/schema/decoder.js';
import { formatFieldError } from '../../pkg/apimachinery/field-error.js';
import { withDefaults } from './defaults.js';
import type { Given, GivenConfiguration, GivenPluginConfig } from './given.js';
import {
  ARGS_KINDS,
  configurationSchemas,
  definitionOf,
  GROUP,
  isConfigurable,
  KIND,
  VERSION,
} from './schema.js';
import type { SchedulerConfiguration } from './types.js';
import { validateConfiguration } from './validation.js';

/** The file says something that cannot be; the message is what the user reads. */
export class ConfigurationError extends Error {
  override name = 'ConfigurationError';
}

export async function loadConfiguration(file: Buffer): Promise<SchedulerConfiguration> {
  const decoder = new Decoder(configurationSchemas(await loadBuiltinSchemas()));
  const given = decodeConfiguration(decoder, file);
  const configuration = withDefaults(given);
  const errors = validateConfiguration(configuration);
  if (errors.length === 0) return configuration;
  const texts = errors.map(formatFieldError);
  throw new ConfigurationError(texts.length === 1 ? (texts[0] ?? '') : `[${texts.join(', ')}]`);
}

function decodeConfiguration(decoder: Decoder, file: Buffer): GivenConfiguration {
  const text = file.toString('utf8').trimStart();
  const target = targetOf(KIND);
  const { object } = refusing(() =>
    decodeBody(file, text.startsWith('{') ? 'json' : 'yaml', {
      decoder,
      target,
      fieldValidation: 'Strict',
    }),
  );
  // The decoder has checked every type against the schema.
  const given = object as Given<GivenConfiguration>;
  return {
    ...given,
    profiles: (given.profiles ?? []).map((profile) => ({
      ...profile,
      pluginConfig: (profile.pluginConfig ?? []).flatMap(({ name = '', args }) =>
        decodeArgs(decoder, name, args),
      ),
    })),
  };
}

/** Arguments of plugins that take none are nobody's business, as upstream has it. */
function decodeArgs(decoder: Decoder, name: string, args: unknown): GivenPluginConfig[] {
  if (!isConfigurable(name)) return [];
  const kind = ARGS_KINDS[name];
  const { object } = refusing(
    () => decodeValue(args ?? {}, { decoder, target: targetOf(kind), fieldValidation: 'Strict' }),
    `decoding args for plugin "${name}": `,
  );
  return [{ name, args: object } as GivenPluginConfig];
}

function targetOf(kind: string) {
  return { group: GROUP, version: VERSION, kind, definition: definitionOf(kind) };
}

function refusing<T>(decode: () => T, where = ''): T {
  try {
    return decode();
  } catch (err) {
    throw new ConfigurationError(`${where}${err instanceof Error ? err.message : String(err)}`, {
      cause: err,
    });
  }
}
