import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { PageData } from './page_data.js';

/** The sources of pages; the same from src and from dist. */
const PAGES = fileURLToPath(new URL('../../../pages/', import.meta.url));
const STYLES = ['shared/page.css', 'report/summary.css', 'report/images.css', 'shared/before_after.css', 'report/image_viewer.css'];
/** Each a module of its own that defines an element; the last uses them. */
const SCRIPTS = [
  'shared/before_after.js',
  'report/value_histogram.js',
  'report/ranked_list.js',
  'report/image_table.js',
  'report/image_grid.js',
  'report/image_viewer.js',
  'report/report.js',
];

/**
 * One HTML file that needs nothing but its thumbnails. Names of files come from anywhere: they are data, never markup, and the policy of the page
 * lets no other script run and nothing be fetched.
 */
export async function reportPage(data: PageData): Promise<string> {
  const require = createRequire(import.meta.url);
  const charts = (file: string): Promise<string> => readFile(require.resolve(`uplot/${file}`), 'utf8');
  const own = (file: string): Promise<string> => readFile(PAGES + file, 'utf8');
  const [template, licence, plot, plotStyle] = await Promise.all([
    own('report/report.html'),
    charts('LICENSE'),
    charts('dist/uPlot.iife.min.js'),
    charts('dist/uPlot.min.css'),
  ]);
  const styles = [plotStyle, ...(await Promise.all(STYLES.map(own)))];
  const scripts = [`/*\n${licence}*/\n${plot}`, ...(await Promise.all(SCRIPTS.map(own)))];
  const policy = [
    "default-src 'none'",
    "img-src 'self' file:",
    `style-src ${styles.map(digest).join(' ')}`,
    `script-src ${scripts.map(digest).join(' ')}`,
  ].join('; ');
  const slots: Readonly<Record<string, string>> = {
    policy: `<meta http-equiv="Content-Security-Policy" content="${policy}">`,
    styles: styles.map((text) => `<style>${text}</style>`).join('\n'),
    data: `<script type="application/json" id="data">${asScriptText(data)}</script>`,
    scripts: scripts.map((text, i) => `<script${i === 0 ? '' : ' type="module"'}>${text}</script>`).join('\n'),
  };
  return template.replace(/<!-- (\w+) -->/g, (_, slot: string) => slots[slot]!);
}

const digest = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/** JSON in which nothing can end the script element that it lies in. */
const asScriptText = (value: unknown): string => JSON.stringify(value).replaceAll('<', '\\u003c');
