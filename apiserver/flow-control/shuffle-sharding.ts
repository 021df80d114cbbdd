/**
 * Which queues a flow may use: a hand dealt from the deck of all queues, by a hash of the flow's name. Two flows
 * rarely hold the same hand, so one that floods its queues leaves most others a queue of their own.
 */
import { createHash } from 'node:crypto';

/** The hash gives that much chance; configurations that need more are refused. */
export const MAX_HASH_BITS = 60;

/** Bits of chance that it takes to deal any hand. */
export function requiredEntropyBits(deckSize: number, handSize: number): number {
  return Math.ceil(Math.log2(deckSize) * handSize);
}

/** 64 bits of it, the same in every server. */
export function flowHash(schema: string, distinguisher: string): bigint {
  return createHash('sha256')
    .update(`${schema.length}:${schema}${distinguisher}`)
    .digest()
    .readBigUInt64LE();
}

/** `handSize` different numbers below `deckSize`. */
export function dealHand(hash: bigint, deckSize: number, handSize: number): readonly number[] {
  const hand: number[] = [];
  /** In order: each card counts among those that are left. */
  const dealt: number[] = [];
  let rest = hash;
  for (let i = 0; i < handSize; i++) {
    const left = BigInt(deckSize - i);
    let card = Number(rest % left);
    rest /= left;
    let at = 0;
    for (; at < dealt.length && card >= (dealt[at] ?? 0); at++) card++;
    dealt.splice(at, 0, card);
    hand.push(card);
  }
  return hand;
}
