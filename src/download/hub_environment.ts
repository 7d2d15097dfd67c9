import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hubHome } from '../checkpoint/hugging_face_cache.js';

/** The hub, as HF_ENDPOINT says, without a slash at the end. */
export const hubUrl = (): string => (process.env.HF_ENDPOINT || 'https://huggingface.co').replace(/\/+$/, '');

/** What Hugging Face's libraries take for yes. */
export const isOffline = (): boolean => /^(1|on|yes|true)$/i.test(process.env.HF_HUB_OFFLINE ?? '');

/** The user's token: HF_TOKEN, or what `hf auth login` has left in a file. */
export async function accessToken(): Promise<string | undefined> {
  const { HF_TOKEN, HUGGING_FACE_HUB_TOKEN, HF_TOKEN_PATH } = process.env;
  const given = HF_TOKEN || HUGGING_FACE_HUB_TOKEN || (await readFile(HF_TOKEN_PATH || join(hubHome(), 'token'), 'utf8').catch(() => ''));
  return given.trim() || undefined;
}
