/** From the bytes or the value that a client sent to an object of a kind, checked against its schema. */

import { type Envelope, readEnvelope } from '../../pkg/api/protobuf/decode.js';
import { WireError } from '../../pkg/api/protobuf/wire.js';
import {
  type DecodedBody,
  type DecodeTarget,
  decodeBody,
  decodeValue,
  type FieldValidation,
  type OfPatch,
  type ValueDecoder,
} from '../../pkg/api/schema/decode.js';
import { Decoder } from '../../pkg/api/schema/decoder.js';
import type { SchemaSet } from '../../pkg/api/schema/model.js';
import type { KubeObject } from '../../pkg/apimachinery/meta.js';
import { apiVersionOf } from '../../pkg/apimachinery/meta.js';
import { badRequest } from '../../pkg/apimachinery/status.js';
import type { Encoding } from './media-type.js';
import { loadProtobuf } from './protobuf.js';

/** The kind that is expected; without a `definition` it is looked up by its version and kind. */
export type ExpectedKind = Omit<DecodeTarget, 'definition'> & {
  readonly definition?: string;
  readonly custom?: { readonly decoder: ValueDecoder };
};

export class ObjectDecoder {
  private readonly decoder: Decoder;
  private readonly targets = new Map<string, DecodeTarget>();

  constructor(schemas: SchemaSet) {
    this.decoder = new Decoder(schemas);
  }

  /** Kubernetes' protobuf form as the value that the JSON form would give. */
  async protobufValue(body: Buffer, expected: ExpectedKind): Promise<unknown> {
    const codec = await loadProtobuf();
    try {
      const envelope = typed(readEnvelope(body), expected);
      const { apiVersion, kind } = envelope;
      const definition =
        codec.definitionOf(apiVersion, kind) ??
        (kind === expected.kind && !expected.custom ? expected.definition : undefined);
      if (definition === undefined) {
        throw badRequest(
          `no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)}`,
        );
      }
      return codec.decoder.decode(definition, envelope);
    } catch (err) {
      if (err instanceof WireError) throw badRequest(err.message);
      throw err;
    }
  }

  /** Throws a 400 for what is no such object; unknown and duplicate fields as `fieldValidation` says. */
  decode(
    of: ExpectedKind,
    body: Buffer,
    encoding: Exclude<Encoding, 'protobuf'>,
    fieldValidation: FieldValidation,
    warn: (text: string) => void,
  ): KubeObject {
    return told(decodeBody(body, encoding, this.options(of, fieldValidation)), warn);
  }

  /** The same for a value that a patch made. */
  decodeValue(
    of: ExpectedKind,
    value: unknown,
    fieldValidation: FieldValidation,
    warn: (text: string) => void,
    patch?: OfPatch,
  ): KubeObject {
    const options = this.options(of, fieldValidation);
    return told(decodeValue(value, patch ? { ...options, patch } : options), warn);
  }

  private options(of: ExpectedKind, fieldValidation: FieldValidation) {
    if (of.custom) {
      const target = { ...of, definition: of.definition ?? '' };
      return { decoder: of.custom.decoder, target, fieldValidation };
    }
    return { decoder: this.decoder, target: this.target(of), fieldValidation };
  }

  private target(of: ExpectedKind): DecodeTarget {
    const key = `${of.group}/${of.version}/${of.kind}`;
    let target = this.targets.get(key);
    if (!target) {
      const definition = of.definition ?? this.decoder.definitionOf(apiVersionOf(of), of.kind);
      if (definition === undefined) throw new Error(`no schema for ${key}`);
      target = { ...of, definition };
      this.targets.set(key, target);
    }
    return target;
  }
}

/** A body that does not say what it is, is what was expected. */
function typed(envelope: Envelope, of: ExpectedKind): Envelope {
  const apiVersion = envelope.apiVersion || apiVersionOf(of);
  return { ...envelope, apiVersion, kind: envelope.kind || of.kind };
}

function told({ object, warnings }: DecodedBody, warn: (text: string) => void): KubeObject {
  for (const warning of warnings) warn(warning);
  return object;
}

/** What a request asks for; Warn is the server's default. */
export function fieldValidation(query: URLSearchParams): FieldValidation {
  const asked = query.get('fieldValidation');
  return asked === 'Ignore' || asked === 'Strict' ? asked : 'Warn';
}
