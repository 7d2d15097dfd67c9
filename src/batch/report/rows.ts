import { dirname, relative, resolve, sep } from 'node:path';
import type { ImageRecord, RunRecord } from '../journal.js';
import type { PageRow, PageRun, Picture } from './page_data.js';

/** The folder, with a separator at its end, below which all these files lie; nothing where there is none. */
export function commonFolder(paths: readonly string[]): string {
  let folder = paths[0] === undefined ? '' : withSeparator(dirname(paths[0]));
  for (const path of paths) {
    while (!path.startsWith(folder)) {
      const above = withSeparator(dirname(folder));
      if (above === folder || above.startsWith('.')) return '';
      folder = above;
    }
  }
  return folder;
}

const withSeparator = (folder: string): string => (folder.endsWith(sep) ? folder : folder + sep);

interface Place {
  /** The output folder, where the report lies. */
  readonly out: string;
  /** The folder of all inputs. */
  readonly inputs: string;
}

export function pageRow(image: ImageRecord, { out, inputs }: Place, pictures: readonly Picture[]): PageRow {
  const { id, input, output, status, seconds, seed, width, height, metrics, error, warnings, record } = image;
  const isDone = status === 'done';
  return {
    id,
    input: input.slice(inputs.length),
    output,
    href: isDone ? relative(out, resolve(out, output)).split(sep).map(encodeURIComponent).join('/') : undefined,
    status,
    seconds,
    seed,
    sigma: record?.sigma,
    sigmaEstimated: record?.sigmaEstimated,
    width,
    height,
    psnr: metrics?.psnr,
    ssim: metrics?.ssim,
    error,
    warnings: warnings?.length ? warnings : undefined,
    pictures,
  };
}

export const pageRun = ({ startedAt, model, options }: RunRecord): PageRun => ({
  startedAt,
  parameters: [...parameters('model', model), ...Object.entries(options).flatMap(([name, value]) => parameters(name, value))],
});

/** A value in words; of an object, each of what it holds. */
function parameters(name: string, value: unknown): [string, string][] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return [[name, value.map((each) => (typeof each === 'string' ? each : JSON.stringify(each))).join(', ')]];
  if (typeof value !== 'object') return [[name, String(value)]];
  return Object.entries(value).flatMap(([key, inside]) => parameters(key === 'name' ? name : `${name} ${key}`, inside));
}
