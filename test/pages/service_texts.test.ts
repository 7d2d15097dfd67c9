import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { type Box, fitted, isInside, middleBox, moved, resized, spanned } from '../../pages/service/box.js';
import { eventsOf } from '../../pages/service/event_stream.js';
import { commandLine, libraryCode, namedAfter } from '../../pages/service/same_elsewhere.js';
import { TASK_WORDS } from '../../pages/service/task_words.js';
import { applies, fieldsOf, spelling } from '../../pages/service/tasks.js';
import { parseOperator } from '../../src/index.js';
import { operatorSpellings } from '../../src/operators/index.js';

const spellings = operatorSpellings().map(({ usage, example, help, options, path }) => ({
  name: usage,
  example,
  help,
  options: { ...options },
  path,
}));
const tasks = spellings.filter(({ path }) => !path);
/** As the service lists it. */
const kernel = {
  ...spellings.find(({ name }) => name.startsWith('deblur:kernel'))!,
  name: 'deblur:kernel',
  example: 'deblur:kernel',
  file: 'kernel',
};
const task = (name: string) => tasks.find((each) => each.name.startsWith(name))!;
const settings = { input: 'small.png', model: 'photos', task: task('sr'), values: { factor: '4' }, sigma: 'auto' as const, prompt: '' };

describe('tasks', () => {
  it('have their fields from what the service lists, with its defaults', () => {
    expect(fieldsOf(task('deblur:motion:random'))).toEqual([
      { name: 'seed', isOption: false, byDefault: '7' },
      { name: 'size', isOption: true, low: 3, high: 1023, byDefault: '25', needs: undefined },
      { name: 'intensity', isOption: true, low: 0, high: 1, byDefault: '0.5', needs: undefined },
      { name: 'boundary', isOption: true, choices: ['circular', 'reflect', 'replicate', 'zero'], byDefault: 'circular', needs: undefined },
    ]);
    const boundary = fieldsOf(task('sr')).find(({ name }) => name === 'boundary')!;
    expect(boundary).toMatchObject({ choices: ['reflect', 'circular'], needs: ['phase', 'reference'] });
    expect(applies(boundary, { phase: 'centre' })).toBe(false);
    expect(applies(boundary, { phase: 'reference' })).toBe(true);
  });

  it('are spelled as the library reads them, whichever fields are filled', async () => {
    expect(spelling(task('sr'), { factor: '8', filter: 'box', phase: 'centre', boundary: 'circular' })).toBe('sr:8,filter=box');
    expect(spelling(task('inpaint:box'), { top: '1', left: '2', height: '3', width: '4' })).toBe('inpaint:box:1:2:3:4');
    for (const each of tasks) {
      const fields = fieldsOf(each);
      const values = Object.fromEntries(fields.map(({ name, choices, byDefault }) => [name, choices?.at(-1) ?? byDefault]));
      const everyOption = fields.filter(({ isOption }) => isOption).map(({ name }) => `,${name}=${values[name]}`);
      expect(await parseOperator(spelling(each, values))).toEqual(await parseOperator(each.example + everyOption.join('')));
      expect(spelling(each, {})).toBe(each.example);
    }
    expect(spelling(kernel, { boundary: 'zero' })).toBe('deblur:kernel,boundary=zero');
    expect(spelling(kernel, { boundary: 'zero' }, 'k.png')).toBe('deblur:kernel:k.png,boundary=zero');
  });

  it('are all told in words, field by field', () => {
    for (const each of [...tasks, kernel])
      expect(Object.keys(TASK_WORDS[each.name]!.fields)).toEqual(fieldsOf(each).map(({ name }) => name));
  });
});

describe('the command line', () => {
  const words = (command: string): string[] =>
    execFileSync('sh', ['-c', `npx() { printf '%s\\n' "$@"; }\n${command}`], { encoding: 'utf8' })
      .trim()
      .split('\n');

  it('has what was chosen and nothing that goes without saying', () => {
    expect(commandLine(settings)).toBe('npx latino-native restore small.png --task sr:4 -o small-restored.png');
    const all = { sigma: 0.02, prompt: 'a cat', steps: 4, seed: 0, result: 'proximal', calibrate: true, model: 'portraits' };
    expect(words(commandLine({ ...settings, ...all })).join(' ')).toBe(
      'latino-native restore small.png --model portraits --task sr:4 --sigma 0.02 --prompt a cat --steps 4 --seed 0 --result proximal --calibrate -o small-restored.png',
    );
  });

  it('reaches a shell word for word, whatever a file or a prompt is called', () => {
    const input = "-it's $(odd) `name` \\.png";
    const prompt = 'a "cat"; rm -rf\n$HOME';
    const command = commandLine({ ...settings, input, prompt: prompt.replace('\n', ' ') });
    expect(words(command)).toEqual([
      ...['latino-native', 'restore', `./${input}`, '--task', 'sr:4', '--prompt', 'a "cat"; rm -rf $HOME'],
      ...['-o', `./${namedAfter(input, 'restored')}`],
    ]);
  });

  it('names the file that was sent beside the picture', () => {
    const given = { ...settings, task: kernel, values: { boundary: 'reflect' }, path: "it's.png" };
    expect(words(commandLine(given))).toContain("deblur:kernel:it's.png,boundary=reflect");
    expect(libraryCode(given)).toContain(String.raw`operator: await parseOperator('deblur:kernel:it\'s.png,boundary=reflect'),`);
    expect(libraryCode(given)).toContain("import { Latino, parseOperator } from 'latino-native'");
  });

  it('damages a good picture first, as it was damaged', () => {
    const damage = { input: 'cat.webp', task: 'sr:2', sigma: 0.02, seed: 0 };
    const [degrade, restore] = commandLine({ ...settings, input: 'cat-damaged.png', damage }).split(/(?<!\\)\n/);
    expect(words(degrade!).join(' ')).toBe('latino-native degrade cat.webp --task sr:2 --sigma 0.02 -o cat-damaged.png');
    expect(words(restore!).join(' ')).toBe('latino-native restore cat-damaged.png --task sr:4 -o cat-damaged-restored.png');
  });
});

describe('the code', () => {
  it('makes its operator with the function for it, and names only what was chosen', () => {
    expect(libraryCode({ ...settings, prompt: 'a cat\'s \\ "eye"', seed: 3 })).toBe(
      String.raw`import { Latino, superResolution } from 'latino-native'

const latino = await Latino.load({ model: 'photos' })
const restored = await latino.restore('small.png', {
  operator: superResolution({ factor: 4 }),
  sigma: 'auto',
  prompt: 'a cat\'s \\ "eye"',
  seed: 3,
})
await restored.toFile('small-restored.png')
await latino.dispose()`,
    );
    const hole = { task: task('inpaint:box'), values: { top: '1', left: '2', height: '3', width: '4' } };
    expect(libraryCode({ ...settings, ...hole })).toContain('operator: inpainting({ box: [1, 2, 3, 4] }),');
    const moved = { task: task('deblur:motion:<'), values: { length: '9', angle: '-30', boundary: 'reflect' } };
    expect(libraryCode({ ...settings, ...moved })).toContain("motionBlur({ length: 9, angle: -30, boundary: 'reflect' }),");
    expect(libraryCode({ ...settings, task: task('denoise'), values: {} })).toContain('operator: denoising(),');
  });

  it('reads the spelling of a task that the page knows nothing of', () => {
    const other = { name: 'fog:<depth>', example: 'fog:3', help: 'fog', options: {} };
    const code = libraryCode({ ...settings, task: other, values: { depth: '5' } });
    expect(code).toContain("import { Latino, parseOperator } from 'latino-native'");
    expect(code).toContain("operator: await parseOperator('fog:5'),");
  });
});

describe('eventsOf', () => {
  const streamOf = (chunks: readonly Uint8Array[]): ReadableStream<Uint8Array> =>
    new ReadableStream({
      start(controller) {
        for (const chunk of chunks) controller.enqueue(chunk);
        controller.close();
      },
    });

  it('reads the same whatever pieces it comes in', async () => {
    const text = ':\n\nevent: state\r\ndata: {"a":\r\ndata: "é"}\r\n\r\nevent: x\n\ndata:plain\n\ndata: cut off';
    const bytes = new TextEncoder().encode(text);
    for (let size = 1; size <= bytes.length; size += 3) {
      const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.slice(i * size, (i + 1) * size));
      const events: object[] = [];
      for await (const event of eventsOf(streamOf(chunks))) events.push(event);
      expect(events).toEqual([
        { event: 'state', data: '{"a":\n"é"}' },
        { event: 'message', data: 'plain' },
      ]);
    }
  });
});

describe('a box', () => {
  const size = { width: 40, height: 30 };
  const box: Box = { top: 5, left: 10, height: 8, width: 6 };

  it('stays inside its picture and never covers it, wherever it is drawn, moved or pulled', () => {
    expect(spanned({ x: 3.2, y: 20.9 }, { x: 1.7, y: 9.1 }, size)).toEqual({ top: 9, left: 1, height: 12, width: 3 });
    expect(spanned({ x: 4, y: 4 }, { x: 4, y: 4 }, size)).toEqual({ top: 4, left: 4, height: 1, width: 1 });
    expect(moved(box, 100, -100, size)).toEqual({ ...box, top: 0, left: 34 });
    expect(resized(box, -100, 2.4, size)).toEqual({ ...box, height: 10, width: 1 });
    for (const one of [spanned({ x: -9, y: -9 }, { x: 99, y: 99 }, size), fitted({ top: -3, left: -4, height: 999, width: 999 }, size)]) {
      expect(isInside(one, size)).toBe(true);
      expect(one.width * one.height).toBeLessThan(size.width * size.height);
    }
    expect(middleBox(size)).toEqual({ top: 10, left: 13, height: 10, width: 14 });
    expect(isInside({ ...box, left: 35 }, size)).toBe(false);
  });
});
