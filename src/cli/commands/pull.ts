import type { Command } from 'commander';
import type { PulledModel, PullOptions } from '../../index.js';
import { type Io, printLine } from '../io.js';
import { openProgress, type Progress, stopAtInterruption } from '../progress.js';

interface Flags {
  variant: PullOptions['variant'];
  file?: string[];
  json?: boolean;
}

export function addPull(program: Command, io: Io): void {
  program
    .command('pull')
    .description("Download a model from Hugging Face's hub: what a restoration needs of it, and nothing else.")
    .argument('<model>', 'organisation/name, or organisation/name@revision')
    .option('--variant <kind>', 'fp16 (half precision, where the model has it) or full', 'fp16')
    .option(
      '--file <name>',
      'a .safetensors file by name, of a repository of loose weights; may be given several times',
      (name: string, previous: readonly string[] = []) => [...previous, name],
    )
    .option('--json', 'print one line of JSON')
    .addHelpText(
      'after',
      `
A download that was stopped goes on where it was. The environment says where and as whom: HF_ENDPOINT, HF_TOKEN, HF_HOME, HF_HUB_CACHE, HF_HUB_OFFLINE.

Examples:
  latino-native pull SimianLuo/LCM_Dreamshaper_v7
  latino-native pull latent-consistency/lcm-lora-sdv1-5
  latino-native pull tianweiy/DMD2 --file dmd2_sdxl_4step_lora_fp16.safetensors`,
    )
    .action((model: string, flags: Flags) => pull(io, model, flags));
}

async function pull(io: Io, model: string, { variant, file: files, json = false }: Flags): Promise<void> {
  const { byteSize, pullModel } = await import('../../index.js');
  const signal = io.interruption();
  const progress = await openProgress(io, model, json);
  stopAtInterruption(io, signal, progress, json);
  const begun = performance.now();
  try {
    const onWait = (holder: string): void => progress.note(`latino-native: ${holder} downloads ${model}; waiting for it`);
    const pulled = await pullModel(model, { variant, files, signal, onProgress: showBytes(progress, byteSize), onWait });
    const seconds = (performance.now() - begun) / 1000;
    progress.stop();
    if (json) printLine(io.out, JSON.stringify({ ...pulled, seconds }));
    else printPulled(io, pulled, byteSize);
  } finally {
    progress.stop();
  }
}

type ByteSize = (bytes: number) => string;

/** How far it is, and how fast since it began. */
function showBytes(progress: Progress, byteSize: ByteSize): PullOptions['onProgress'] {
  let first: { readonly bytes: number; readonly time: number } | undefined;
  return ({ file, bytes, totalBytes }) => {
    const time = performance.now() / 1000;
    first ??= { bytes, time };
    const rate = time > first.time ? `, ${byteSize((bytes - first.bytes) / (time - first.time))}/s` : '';
    progress.show(bytes, totalBytes, `${byteSize(bytes)} of ${byteSize(totalBytes)}${rate}  ${file}`);
  };
}

function printPulled({ out }: Io, pulled: PulledModel, byteSize: ByteSize): void {
  const { name, path, kind, family, files, bytes, downloadedBytes, lcmLora } = pulled;
  const arrived = downloadedBytes === 0 ? 'all there already' : `${byteSize(downloadedBytes)} downloaded`;
  printLine(out, `${name}: ${family}, ${files.length} files, ${byteSize(bytes)}, ${arrived}`);
  printLine(out, path);
  if (lcmLora !== undefined)
    printLine(out, `Its files do not say that it is a latent consistency model: add an LCM-LoRA (latino-native pull ${lcmLora})`);
  printLine(out, `To use it: ${usage(kind, name, lcmLora, files)}`);
}

function usage(kind: PulledModel['kind'], name: string, lcmLora: string | undefined, files: readonly string[]): string {
  switch (kind) {
    case 'lora':
      return `--lora ${name}`;
    case 'unet':
      return `--unet ${name}`;
    case 'vae':
      return `--vae ${name}`;
    case 'weights':
      return `--unet, --vae or --lora, as what it is: ${files.map((file) => `${name}/${file}`).join(', ')}`;
    default: {
      // A whole model in a single file goes by the file's name, too.
      const model = files.includes('model_index.json') ? name : `${name}/${files[0]}`;
      return `--model ${model}${lcmLora === undefined ? '' : ` --lora ${lcmLora}`}`;
    }
  }
}
