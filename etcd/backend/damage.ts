/** Why a data folder can not be used, in words for the person who has to decide what to do. */

export class DamagedError extends Error {
  constructor(dir: string, what: string) {
    super(
      `the data folder ${dir} can not be used: ${what}. Nothing was changed in it; restore a copy, or move it away to start with an empty store.`,
    );
    this.name = 'DamagedError';
  }
}

/** Another process has the folder. */
export class LockedError extends Error {
  constructor(dir: string) {
    super(`the data folder ${dir} is in use by another process`);
    this.name = 'LockedError';
  }
}

export function explainOpenFailure(dir: string, err: unknown): Error {
  const cause = err instanceof Error ? err.cause : undefined;
  if (cause instanceof Error && 'code' in cause && cause.code === 'LEVEL_LOCKED') {
    return new LockedError(dir);
  }
  const what = cause instanceof Error ? cause.message : String(err);
  return new DamagedError(dir, `the database does not open: ${what}`);
}
