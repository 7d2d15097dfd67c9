// app/api/restore/route.ts of a Next.js application: POST a form with `file` and `task`. Native code wants Node, and to be left out of bundles: in
// next.config.js, `serverExternalPackages: ['latino-native']`.
import { Latino, LatinoError, parseOperator } from 'latino-native';

export const runtime = 'nodejs';

// One model for all requests, loaded by the first; a development server that reloads this file keeps it.
const global = globalThis as { latino?: Promise<Latino> };

/** A task such as inpaint:mask.png would have a caller read files of this machine. */
const noFiles = (): never => {
  throw new LatinoError('ERR_LATINO_OPERATOR', 'Expected a task that names no file');
};

export async function POST(request: Request): Promise<Response> {
  try {
    const form = await request.formData();
    const [file, task] = [form.get('file'), form.get('task')];
    if (!(file instanceof Blob) || typeof task !== 'string') return Response.json({ error: 'Expected file and task' }, { status: 400 });
    global.latino ??= Latino.load();
    const latino = await global.latino;
    const restored = await latino.restore(file, { operator: await parseOperator(task, noFiles), signal: request.signal });
    return new Response(new Uint8Array(await restored.toBuffer('webp')), { headers: { 'content-type': 'image/webp' } });
  } catch (error) {
    if (error instanceof LatinoError) return Response.json({ error: error.message, code: error.code }, { status: 422 });
    throw error;
  }
}
