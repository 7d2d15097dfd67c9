// Jobs of a queue of your own, each with a file to read, a task and a file to write. (Batches over folders have workers ready made: docs/batches.md.)
import { type ConnectionOptions, UnrecoverableError, Worker } from 'bullmq';
import { type Latino, LatinoError, parseOperator } from 'latino-native';

export interface RestoreJob {
  readonly input: string;
  readonly output: string;
  /** As --task has it, for example sr:4. */
  readonly task: string;
}

/** Errors of what was asked for come back however often it is tried. */
const FINAL: ReadonlySet<string> = new Set(['ERR_LATINO_ARGUMENT', 'ERR_LATINO_IMAGE', 'ERR_LATINO_OPERATOR', 'ERR_LATINO_SHAPE']);

export function startWorker(latino: Latino, queue: string, connection: ConnectionOptions): Worker<RestoreJob, { seconds: number }> {
  return new Worker<RestoreJob, { seconds: number }>(
    queue,
    async (job) => {
      const { input, output, task } = job.data;
      try {
        const restored = await latino.restore(input, {
          operator: await parseOperator(task),
          onProgress: ({ step, steps }) => void job.updateProgress((100 * step) / steps),
        });
        await restored.toFile(output);
        return { seconds: restored.record.seconds };
      } catch (error) {
        if (error instanceof LatinoError && FINAL.has(error.code)) throw new UnrecoverableError(`${error.message} [${error.code}]`);
        throw error;
      }
    },
    { connection, concurrency: 2 },
  );
}
