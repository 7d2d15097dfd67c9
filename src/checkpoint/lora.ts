import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { LatinoError } from '../errors.js';
import { elementCount, type LowRankUpdate, type WeightInfo, type WeightStore } from '../graph/weights.js';
import { resolveModelFolder } from './hugging_face_cache.js';
import { openSafetensors, readTensorFloat32 } from './safetensors.js';
import { digestWeights } from './weights_digest.js';
import type { FolderWeights } from './weights_folder.js';

/** As diffusers names it. */
export const LORA_FILE = 'pytorch_lora_weights.safetensors';

export interface LoraOptions {
  /** A .safetensors file, a folder with one named pytorch_lora_weights.safetensors, or the name of such a model in Hugging Face's cache. */
  readonly path: string;
  /** What the changes are multiplied by; 1 by default. */
  readonly strength?: number;
}

type Component = 'unet' | 'text_encoder' | 'text_encoder_2';

/** How names begin: kohya writes the dots of a module's name as underscores, PEFT and diffusers leave them. */
const PREFIXES: readonly (readonly [prefix: string, component: Component, isFlat: boolean])[] = [
  ['lora_unet_', 'unet', true],
  ['lora_te_', 'text_encoder', true],
  ['lora_te1_', 'text_encoder', true],
  ['lora_te2_', 'text_encoder_2', true],
  ['unet.', 'unet', false],
  ['text_encoder.', 'text_encoder', false],
  ['text_encoder_2.', 'text_encoder_2', false],
];
/** How they end. */
const SUFFIXES: Readonly<Record<string, keyof Factors>> = {
  '.lora_up.weight': 'up',
  '.lora_down.weight': 'down',
  '.lora_B.weight': 'up',
  '.lora_A.weight': 'down',
  '.lora.up.weight': 'up',
  '.lora.down.weight': 'down',
  '.alpha': 'alpha',
};

interface Factors {
  up?: WeightInfo;
  down?: WeightInfo;
  alpha?: WeightInfo;
}

interface Module {
  readonly component: Component;
  readonly isFlat: boolean;
  readonly name: string;
  readonly factors: Factors;
}

const flat = (name: string): string => name.replaceAll('.', '_');

/** Low-rank changes of a model's weights (LoRA; Hu et al. 2021), as kohya's scripts, PEFT and today's diffusers save them. */
export class Lora {
  private constructor(
    private readonly path: string,
    private readonly strength: number,
    private readonly modules: readonly Module[],
  ) {}

  /** @throws LatinoError ERR_LATINO_ARGUMENT when it is no array, or as `open` does */
  static async openAll(loras: readonly (string | LoraOptions)[] = []): Promise<Lora[]> {
    if (!Array.isArray(loras)) throw new LatinoError('ERR_LATINO_ARGUMENT', `Expected an array for loras but received a ${typeof loras}`);
    return Promise.all(loras.map((lora: string | LoraOptions) => Lora.open(typeof lora === 'string' ? { path: lora } : lora)));
  }

  /**
   * @throws LatinoError ERR_LATINO_MODEL when the file is damaged or holds what is no LoRA of a UNet and text encoder, ERR_LATINO_ARGUMENT when
   * the path is no string or the strength not finite
   */
  static async open({ path, strength = 1 }: LoraOptions): Promise<Lora> {
    if (typeof path !== 'string')
      throw new LatinoError('ERR_LATINO_ARGUMENT', `Expected the path of a LoRA as a string but received a ${typeof path}`);
    if (!Number.isFinite(strength))
      throw new LatinoError('ERR_LATINO_ARGUMENT', `Expected a finite number for the strength of a LoRA but received ${strength}`);
    const place = await resolveModelFolder(path);
    const isFolder = await stat(place).then(
      (stats) => stats.isDirectory(),
      () => false,
    );
    const file = await openSafetensors(isFolder ? join(place, LORA_FILE) : place);
    const modules = new Map<string, Module>();
    for (const [name, info] of file.tensors) {
      const prefix = PREFIXES.find(([start]) => name.startsWith(start));
      const suffix = Object.keys(SUFFIXES).find((end) => name.endsWith(end));
      if (!prefix || !suffix) throw new LatinoError('ERR_LATINO_MODEL', `${file.path} has ${name}, expected the weights of a LoRA`);
      const [start, component, isFlat] = prefix;
      const key = name.slice(0, -suffix.length);
      const module = modules.get(key) ?? { component, isFlat, name: key.slice(start.length), factors: {} };
      module.factors[SUFFIXES[suffix]!] = info;
      modules.set(key, module);
    }
    if (modules.size === 0) throw new LatinoError('ERR_LATINO_MODEL', `${file.path} is empty, expected the weights of a LoRA`);
    return new Lora(file.path, strength, [...modules.values()]);
  }

  /**
   * The changes of a component's weights by their names.
   *
   * @throws LatinoError ERR_LATINO_MODEL when there is no such weight, or it is of another shape than its change
   */
  async updatesOf(component: Component, weights: FolderWeights): Promise<Map<string, LowRankUpdate>> {
    const names = [...weights.tensors.keys()].filter((name) => name.endsWith('.weight')).map((name) => name.slice(0, -'.weight'.length));
    const byFlatName = new Map(names.map((name) => [flat(name), name]));
    const updates = new Map<string, LowRankUpdate>();
    for (const module of this.modules) {
      if (module.component !== component) continue;
      const name = module.isFlat ? byFlatName.get(module.name) : module.name;
      const weight = name === undefined ? undefined : weights.tensors.get(`${name}.weight`);
      if (!weight) throw new LatinoError('ERR_LATINO_MODEL', `${this.path} changes ${module.name}, which ${weights.folder} does not have`);
      updates.set(`${name}.weight`, await this.update(module, weight));
    }
    return updates;
  }

  /** Tells LoRAs and their strengths apart. */
  async digest(): Promise<string> {
    const factors = this.modules.flatMap((module) =>
      Object.entries(module.factors).map(([factor, info]) => [`${module.component} ${module.name} ${factor}`, info as WeightInfo] as const),
    );
    return `${this.strength} ${await digestWeights(new Map(factors))}`;
  }

  private async update({ name, factors: { up, down, alpha } }: Module, { shape }: WeightInfo): Promise<LowRankUpdate> {
    if (!up || !down) throw new LatinoError('ERR_LATINO_MODEL', `${this.path} has one factor of ${name}, expected two`);
    const rank = down.shape[0] ?? 0;
    const fits =
      rank > 0 &&
      up.shape[0] === shape[0] &&
      elementCount(up.shape) === shape[0]! * rank &&
      elementCount(down.shape.slice(1)) === elementCount(shape.slice(1));
    if (!fits) {
      const found = `[${up.shape.join(', ')}] and [${down.shape.join(', ')}]`;
      throw new LatinoError('ERR_LATINO_MODEL', `${this.path} has factors ${found} of ${name}, expected those of [${shape.join(', ')}]`);
    }
    const scale = alpha ? (await this.scalar(name, alpha)) / rank : 1;
    return { up, down, factor: this.strength * scale };
  }

  private async scalar(name: string, alpha: WeightInfo): Promise<number> {
    const values = elementCount(alpha.shape) === 1 ? await readTensorFloat32(alpha) : [];
    if (!Number.isFinite(values[0])) {
      const found = values.length === 1 ? values[0] : `[${alpha.shape.join(', ')}]`;
      throw new LatinoError('ERR_LATINO_MODEL', `${this.path} has alpha ${found} of ${name}, expected one finite number`);
    }
    return values[0]!;
  }
}

/** A component's weights with the changes of all LoRAs, which are added as the weights are read. */
export async function withLoras(component: Component, weights: FolderWeights, loras: readonly Lora[]): Promise<WeightStore> {
  const all = await Promise.all(loras.map((lora) => lora.updatesOf(component, weights)));
  return {
    has: (name) => weights.has(name),
    get(name, shape) {
      const info = weights.get(name, shape);
      const updates = all.flatMap((some) => some.get(name) ?? []);
      return updates.length > 0 ? { ...info, updates } : info;
    },
  };
}
