import type { Image } from '../src/index.js';

export function bordersOf(length: number, windowSide: number): number[];
export function energyAcross(image: Image, lines: { readonly columns: readonly number[]; readonly rows: readonly number[] }, apart?: number): number;
