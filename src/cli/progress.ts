import { createRequire } from 'node:module';

/** A progress bar on a terminal; nothing where standard error is none, so that scripts read failures only. */
export function stepProgress(label: string, steps: number, quiet: boolean): { update(step: number): void; stop(): void } {
  if (quiet || process.stderr.isTTY !== true) return { update: () => undefined, stop: () => undefined };
  // Loaded where it is shown: elsewhere it would only make the start later.
  const { Presets, SingleBar } = createRequire(import.meta.url)('cli-progress') as typeof import('cli-progress');
  const format = '{label} {bar} {value} of {total} steps';
  const bar = new SingleBar(
    { stream: process.stderr, format, barsize: 30, hideCursor: true, clearOnComplete: true },
    Presets.shades_classic,
  );
  bar.start(steps, 0, { label });
  return { update: (step) => bar.update(step), stop: () => bar.stop() };
}
