import { basename, join, resolve } from 'node:path';
import { LatinoError } from '../../errors.js';
import { writeWhole } from '../../output_file.js';
import { packageVersion } from '../../package_version.js';
import { type ImageRecord, readJournals } from '../journal.js';
import { histogram } from './histogram.js';
import { History } from './history.js';
import { listing } from './listing.js';
import { reportPage } from './page.js';
import type { Metric, PageData } from './page_data.js';
import { commonFolder, pageRow, pageRun } from './rows.js';
import { makeThumbnails, removeThumbnails, THUMBNAILS } from './thumbnails.js';

const METRICS: Readonly<Record<Metric, (image: ImageRecord) => number | undefined>> = {
  seconds: ({ status, seconds }) => (status === 'done' ? seconds : undefined),
  psnr: ({ metrics }) => metrics?.psnr ?? undefined,
  ssim: ({ metrics }) => metrics?.ssim,
};

export interface Report {
  readonly path: string;
  readonly images: number;
  readonly done: number;
  readonly failed: number;
  /** Images with warnings. */
  readonly warned: number;
}

/**
 * Writes report.html, and its thumbnails into latino-report/, from the journals of a batch's output folder. Thumbnails that are there stay.
 *
 * @throws LatinoError ERR_LATINO_ARGUMENT when the folder has no journal, ERR_LATINO_OUTPUT when it cannot be written to
 */
export async function writeReport(folder: string): Promise<Report> {
  const history = await readHistory(folder);
  const images = history.images();
  const listed = listing(images);
  const inputs = commonFolder(listed.map(({ input }) => input));
  const thumbnails = join(folder, THUMBNAILS);
  const pictures = await makeThumbnails(
    thumbnails,
    listed.map((image) => ({
      ...image,
      before: image.input,
      after: image.status === 'done' ? resolve(folder, image.output) : undefined,
    })),
  );
  const done = images.filter(({ status }) => status === 'done').length;
  const totals = {
    images: images.length,
    done,
    failed: images.length - done,
    warned: images.filter(({ warnings }) => warnings?.length).length,
  };
  const data: PageData = {
    title: `Restored images: ${basename(resolve(folder))}`,
    version: packageVersion,
    made: new Date().toISOString(),
    inputs,
    runs: history.runs.map(pageRun).sort((a, b) => (a.startedAt < b.startedAt ? 1 : -1)),
    totals,
    histograms: histograms(images),
    rows: listed.map((image, i) => pageRow(image, { out: folder, inputs }, pictures[i]!)),
  };
  const path = join(folder, 'report.html');
  await writeWhole(path, Buffer.from(await reportPage(data)), thumbnails);
  await removeThumbnails(thumbnails, history.superseded());
  return { path, ...totals };
}

async function readHistory(folder: string): Promise<History> {
  const history = new History();
  for await (const record of readJournals(folder)) history.add(record);
  if (history.runs.length > 0) return history;
  throw new LatinoError('ERR_LATINO_ARGUMENT', `Expected the output folder of a batch but ${folder} has no latino-batch.jsonl`);
}

function histograms(images: readonly ImageRecord[]): PageData['histograms'] {
  return (Object.keys(METRICS) as Metric[]).flatMap((metric) => {
    const values = images.map(METRICS[metric]).filter((value) => value !== undefined);
    return histogram(metric, values) ?? [];
  });
}
