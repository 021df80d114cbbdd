/**
 * Who owns which fields is worked out without waiting, also where an owner wrote another version of the object
 * and only somebody else can convert it. The work then ends in a ConversionNeeded; whoever started it waits for
 * the answer and does the work again, which finds it this time. Nothing is stored before the work has ended.
 */

/** Each round brings one conversion; an apply needs a few for every version that was written. */
const MAX_ROUNDS = 64;

export class ConversionNeeded extends Error {
  /** Asks for the conversion; rejects where there is none to be had. */
  constructor(readonly ask: () => Promise<void>) {
    super('an object has to be converted first');
  }
}

export async function awaitConversions<T>(work: () => Promise<T>): Promise<T> {
  for (let round = 1; ; round++) {
    try {
      return await work();
    } catch (err) {
      if (!(err instanceof ConversionNeeded) || round === MAX_ROUNDS) throw err;
      await err.ask();
    }
  }
}
