/** A progress line on a terminal; nothing elsewhere. */
export function stepProgress(label: string, steps: number, quiet: boolean): { update(step: number): void; stop(): void } {
  const visible = process.stderr.isTTY === true && !quiet;
  return {
    update(step) {
      if (visible) process.stderr.write(`\r${label}: step ${step} of ${steps}`);
    },
    stop() {
      if (visible) process.stderr.write('\r\x1b[K');
    },
  };
}
