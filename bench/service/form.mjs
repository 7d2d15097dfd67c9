import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const sample = readFileSync(fileURLToPath(new URL('../../models/portraits-lcm/samples/03.png', import.meta.url)));
export const BOUNDARY = 'latinoboundary';
export const FORM_TYPE = `multipart/form-data; boundary=${BOUNDARY}`;

const part = (header, content) =>
  Buffer.concat([
    Buffer.from(`--${BOUNDARY}\r\nContent-Disposition: form-data; ${header}\r\n\r\n`),
    Buffer.from(content),
    Buffer.from('\r\n'),
  ]);

/** The bytes of a form: [name, text] or [name, bytes, file name]. */
export function formBytes(entries) {
  const parts = entries.map(([name, content, file]) =>
    part(file === undefined ? `name="${name}"` : `name="${name}"; filename="${file}"\r\nContent-Type: application/octet-stream`, content),
  );
  return Buffer.concat([...parts, Buffer.from(`--${BOUNDARY}--\r\n`)]);
}

export const picture = (bytes = sample, name = 'a.png') => ['file', bytes, name];
export const fields = (own = {}) => Object.entries({ task: 'denoise', sigma: '0.1', steps: '1', ...own });
