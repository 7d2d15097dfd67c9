import { createRequire } from 'node:module';
import os from 'node:os';
import type { Command } from 'commander';
import { loadAddon } from '../../device/load.js';

export function registerDoctor(program: Command): void {
  program
    .command('doctor')
    .description('Show versions, devices, and which ONNX Runtime is used.')
    .option('--json', 'print JSON')
    .action((flags: { json?: boolean }) => {
      const addon = loadAddon();
      const require = createRequire(import.meta.url);
      const device = addon.openDevice('cpu');
      const report = {
        node: process.version,
        platform: `${process.platform} ${process.arch}`,
        onnxruntime: addon.runtimeVersion(),
        onnxruntimeNode: (require('onnxruntime-node/package.json') as { version: string }).version,
        cpu: `${device.name}, ${os.availableParallelism()} threads, ${(os.totalmem() / 2 ** 30).toFixed(0)} GiB`,
        cuda: 'not used: this build has no CUDA backend',
      };
      if (flags.json) console.log(JSON.stringify(report));
      else for (const [name, value] of Object.entries(report)) console.log(`${name.padEnd(16)} ${value}`);
    });
}
