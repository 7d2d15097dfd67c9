import { readFileSync, truncateSync, writeFileSync } from 'node:fs';

/** A tensor as it lies in a file. */
export interface RawTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Buffer;
}
export type RawTensors = Map<string, RawTensor>;

export const readRaw = (path: string): RawTensors => decodeRaw(readFileSync(path));

/** The tensors of a file's bytes, which they are parts of. */
export function decodeRaw(bytes: Buffer): RawTensors {
  const start = 8 + Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, start)) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >;
  const tensors = Object.entries(header).filter(([name]) => name !== '__metadata__');
  return new Map(
    tensors.map(
      ([
        name,
        {
          dtype,
          shape,
          data_offsets: [from, to],
        },
      ]) => [name, { dtype, shape, bytes: bytes.subarray(start + from, start + to) }],
    ),
  );
}

const BYTES: Readonly<Record<string, number>> = { F32: 4, F16: 2, BF16: 2, I64: 8, F8_E4M3: 1 };

/** The header of a file with these tensors, and the bytes of their data. */
function encodeHeader(tensors: RawTensors, metadata: Readonly<Record<string, string>>): { header: Buffer; dataBytes: number } {
  let offset = 0;
  const entries: Record<string, unknown> = { __metadata__: metadata };
  for (const [name, { dtype, shape }] of tensors) {
    const end = offset + BYTES[dtype]! * shape.reduce((product, n) => product * n, 1);
    entries[name] = { dtype, shape, data_offsets: [offset, end] };
    offset = end;
  }
  const json = Buffer.from(JSON.stringify(entries));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return { header: Buffer.concat([length, json]), dataBytes: offset };
}

export const encodeRaw = (tensors: RawTensors, metadata: Readonly<Record<string, string>> = {}): Buffer =>
  Buffer.concat([encodeHeader(tensors, metadata).header, ...[...tensors.values()].map(({ bytes }) => bytes)]);

/** Writes a file of such tensors that takes no room, since nothing but zeros is in it. */
export function writeSparse(path: string, tensors: RawTensors): number {
  const { header, dataBytes } = encodeHeader(tensors, {});
  writeFileSync(path, header);
  truncateSync(path, header.length + dataBytes);
  return dataBytes;
}

export const zeros = (dtype: string, shape: readonly number[]): RawTensor => ({
  ...{ dtype, shape },
  bytes: Buffer.alloc(BYTES[dtype]! * shape.reduce((product, n) => product * n, 1)),
});

export const writeRaw = (path: string, tensors: RawTensors, metadata?: Readonly<Record<string, string>>): void =>
  writeFileSync(path, encodeRaw(tensors, metadata));
