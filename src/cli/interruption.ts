/** Exit statuses as shells give them to what a signal has ended. */
const STATUS = { SIGINT: 130, SIGTERM: 143 } as const;
type Signal = keyof typeof STATUS;

/** Why a command stopped before it was done. */
export class Interruption extends Error {
  override readonly name = 'AbortError';
  readonly code = 'ABORT_ERR';
  readonly status: number;
  constructor(signal: Signal) {
    super(`Interrupted by ${signal}`);
    this.status = STATUS[signal];
  }
}

/** Aborts at the first SIGINT (Ctrl-C) or SIGTERM. Nobody listens to the second, so that it ends the process at once. */
export function processInterruption(): AbortSignal {
  const controller = new AbortController();
  const signals = Object.keys(STATUS) as Signal[];
  const stop = (signal: NodeJS.Signals): void => {
    for (const each of signals) process.off(each, stop);
    controller.abort(new Interruption(signal as Signal));
  };
  for (const each of signals) process.on(each, stop);
  return controller.signal;
}
