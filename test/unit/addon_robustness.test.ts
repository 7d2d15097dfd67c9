import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { runtimeLibrary } from '../../src/device/load.js';
import { compile } from '../../src/graph/compile.js';
import { Graph } from '../../src/graph/graph.js';
import { cpu } from '../../src/graph/targets/cpu/cpu.js';

const PROGRAM = fileURLToPath(new URL('../support/hostile_calls.mjs', import.meta.url));
const ADDON = process.env.LATINO_ADDON ?? fileURLToPath(new URL('../../build/Release/latino.node', import.meta.url));

/** sum = x + y for x, y of shape [n, 2]. */
function network(): Uint8Array {
  const graph = new Graph('test', { has: () => false, get: () => undefined as never });
  const x = graph.input('x', 'f32', ['n', 2]);
  graph.output('sum', graph.op('Add', [x, graph.input('y', 'f32', ['n', 2])], { dims: x.dims }));
  return compile(graph, cpu).model;
}

describe('the addon', () => {
  it('survives whatever it is called with: each call ends with a value or with an error that has a code', () => {
    const folder = mkdtempSync(join(tmpdir(), 'latino-hostile-'));
    try {
      const model = join(folder, 'model.onnx');
      writeFileSync(model, network());
      const child = spawnSync(process.execPath, [PROGRAM, ADDON, runtimeLibrary(), model], {
        encoding: 'utf8',
        timeout: 100_000,
        maxBuffer: 1 << 28,
      });
      const last = child.stderr.trimEnd().split('\n').at(-1);
      expect({ status: child.status, signal: child.signal }, `it ended in: ${last}`).toEqual({ status: 0, signal: null });
      const { calls, refused, failures } = JSON.parse(child.stdout) as { calls: number; refused: number; failures: string[] };
      expect(failures).toEqual([]);
      // What is hostile to one call is good enough for another, but never most of it.
      expect(calls).toBeGreaterThan(10_000);
      expect(refused).toBeGreaterThan(calls / 2);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
