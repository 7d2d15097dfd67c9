// In the middle of a sharp pipeline: cut out, restored, made small, written; pixels never become a file in between.
import { gaussianBlur, type Latino } from 'latino-native';
import sharp from 'sharp';

export async function sharpenThumbnail(latino: Latino, from: string, to: string): Promise<void> {
  const middle = sharp(from).autoOrient().resize(256, 256, { fit: 'cover' });
  const restored = await latino.restore(middle, { operator: gaussianBlur({ sigma: 1.5, boundary: 'reflect' }) });
  await (await restored.toSharp()).resize(128).avif({ quality: 60 }).toFile(to);
}
