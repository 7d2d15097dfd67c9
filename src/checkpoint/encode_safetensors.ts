import type { Shape } from '../device/addon.js';

/** The bytes of a .safetensors file of float32 tensors: length of the header, the header padded to 8 bytes, the data. */
export function encodeSafetensors(
  tensors: Readonly<Record<string, { readonly shape: Shape; readonly data: Float32Array }>>,
  metadata: Readonly<Record<string, string>> = {},
): Buffer {
  const header: Record<string, unknown> = { __metadata__: metadata };
  const data: Buffer[] = [];
  let offset = 0;
  for (const [name, tensor] of Object.entries(tensors)) {
    const bytes = Buffer.from(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength);
    header[name] = { dtype: 'F32', shape: tensor.shape, data_offsets: [offset, offset + bytes.length] };
    offset += bytes.length;
    data.push(bytes);
  }
  const json = Buffer.from(JSON.stringify(header));
  const padding = Buffer.alloc(-json.length & 7, ' ');
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length + padding.length));
  return Buffer.concat([length, json, padding, ...data]);
}
