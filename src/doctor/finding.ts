/** What was found of one thing that a restoration needs, or may use. */
export interface Finding {
  /** `absent`: it is not there, and not needed. */
  readonly status: 'ok' | 'failed' | 'absent';
  /** What it is, or why it cannot be used. */
  readonly found: string;
  /** What to do about a failure. */
  readonly remedy?: string;
}

export const ok = (found: string): Finding => ({ status: 'ok', found });
export const absent = (found: string): Finding => ({ status: 'absent', found });
export const failed = (found: string, remedy: string): Finding => ({ status: 'failed', found, remedy });

/** Of an error whose sentence says what is wrong and, behind a semicolon, what to do. */
export function failedOf(error: unknown, remedy = 'install latino-native and its dependencies anew'): Finding {
  const [found, ...fixes] = (error as Error).message.trim().split('\n')[0]!.split('; ');
  return failed(found!, fixes.length > 0 ? fixes.join('; ') : remedy);
}
