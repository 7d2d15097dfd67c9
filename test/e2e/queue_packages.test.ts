import { expect, it } from 'vitest';
import { commandLine, execute } from '../support/cli.js';

/** As on a machine where nobody installed it. */
const WITHOUT_BULLMQ = `
  import { register } from 'node:module';
  register('data:text/javascript,' + encodeURIComponent(\`
    export const resolve = (name, context, next) => {
      if (name === 'bullmq') throw Object.assign(new Error("Cannot find package 'bullmq'"), { code: 'ERR_MODULE_NOT_FOUND' });
      return next(name, context);
    };
  \`));
`;

it('says which packages a queue needs where they are missing, and needs them nowhere else', async () => {
  const [node, main] = commandLine;
  const preload = `data:text/javascript,${encodeURIComponent(WITHOUT_BULLMQ)}`;
  const run = (...args: string[]) => execute([node, '--import', preload, main, ...args]);
  expect(await run('worker', '--queue', 'redis://127.0.0.1:1')).toEqual({
    status: 1,
    stdout: '',
    stderr: expect.stringMatching(
      /^latino-native: Expected the packages bullmq and ioredis .*npm install bullmq ioredis.* \[ERR_LATINO_QUEUE\]\n$/,
    ),
  });
  expect(await run('worker', '--help')).toMatchObject({ status: 0 });
});
