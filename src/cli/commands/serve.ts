import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type { ServiceEvent } from '../../service/index.js';
import { type Io, printLine } from '../io.js';
import { addModelOptions, loadOptions, type ModelFlags, number } from '../options.js';

interface Flags extends ModelFlags {
  host: string;
  port: number;
  tokenFile?: string;
  capacity: number;
  concurrency?: number;
  maxPixels?: number;
  maxBytes?: number;
  maxSeconds?: number;
  grace?: number;
  keep?: number;
  keepSeconds?: number;
  threads?: number;
  json?: boolean;
}

export function addServe(program: Command, io: Io): void {
  const command = program
    .command('serve')
    .description('Restore images over HTTP, with a page to try it, until told to stop.')
    .option('--host <name>', 'where to listen; others than this machine are answered with a token only', '127.0.0.1')
    .option('--port <n>', '0 for one that is free', number, 8080)
    .option('--token-file <path>', 'a file with the token that requests must bring, at least 16 characters; or set LATINO_TOKEN')
    .option('--capacity <n>', 'restorations that may wait before more are refused', number, 16)
    .option('--concurrency <n>', 'restorations under way at a time; 2 unless told', number)
    .option('--max-pixels <n>', 'of a picture before and after its restoration; 4194304 unless told', number)
    .option('--max-bytes <n>', 'of an uploaded file; 20971520 unless told', number)
    .option('--max-seconds <n>', 'of a restoration once its turn has come; 300 unless told', number)
    .option('--grace <seconds>', 'how long restorations under way have after SIGTERM to be finished and fetched; 25 unless told', number)
    .option('--keep <n>', 'restorations that are kept when they have ended; 100 unless told', number)
    .option('--keep-seconds <n>', 'how long each of them is kept; 3600 unless told', number);
  addModelOptions(command)
    .option('--threads <n>', 'CPU threads; every core unless told', number)
    .option('--json', 'print an event a line')
    .addHelpText(
      'after',
      `
The interface is described by /openapi.json. SIGTERM or Ctrl-C: what waits is refused, what runs is finished within --grace, and it ends with status 0.

Examples:
  latino-native serve
  latino-native serve --host 0.0.0.0 --token-file /run/secrets/latino-token`,
    )
    .action((flags: Flags) => serveModel(io, flags));
}

async function serveModel(io: Io, flags: Flags): Promise<void> {
  const { serve } = await import('../../service/index.js');
  const { host, port, capacity, concurrency, maxPixels, maxBytes, maxSeconds, grace, keep, keepSeconds, threads, json } = flags;
  const onEvent = (event: ServiceEvent): void => {
    if (json) printLine(io.out, JSON.stringify(event));
    else if (event.event === 'fault') printLine(io.err, `latino-native: ${event.message}`);
    else printLine(io.out, inWords(event));
  };
  await serve({
    ...{ host, port, capacity, concurrency, maxPixels, maxBytes, maxSeconds, keep, keepSeconds },
    graceSeconds: grace,
    token: await tokenOf(flags),
    model: { ...loadOptions(flags), threads },
    signal: io.interruption(),
    onEvent,
  });
}

/** Of a file or the environment: a flag would show it to whoever lists the machine's processes. */
async function tokenOf({ tokenFile }: Flags): Promise<string | undefined> {
  if (tokenFile === undefined) return process.env.LATINO_TOKEN || undefined;
  const { LatinoError } = await import('../../index.js');
  const text = await readFile(tokenFile, 'utf8').catch((cause: Error) => {
    throw new LatinoError('ERR_LATINO_ARGUMENT', `Expected a file with a token but cannot read ${tokenFile}: ${cause.message}`, { cause });
  });
  return text.trim();
}

function inWords(event: Exclude<ServiceEvent, { readonly event: 'fault' }>): string {
  if (event.event === 'ready') return `listening on ${event.url}`;
  return `stopping: ${event.running} running, ${event.waiting} waiting`;
}
