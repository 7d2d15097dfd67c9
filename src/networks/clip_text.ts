import { z } from 'zod';
import { Graph, int, type Value } from '../graph/graph.js';
import type { WeightStore } from '../graph/weights.js';
import { parseConfig } from './config.js';
import { type Activation, activation, add, attention, layerNorm, linear } from './layers.js';

const schema = z.object({
  vocab_size: z.int().default(49408),
  hidden_size: z.int().default(512),
  intermediate_size: z.int().default(2048),
  projection_dim: z.int().default(512),
  num_hidden_layers: z.int().min(2).default(12),
  num_attention_heads: z.int().default(8),
  max_position_embeddings: z.int().default(77),
  hidden_act: z.enum(['quick_gelu', 'gelu']).default('quick_gelu'),
  layer_norm_eps: z.number().default(1e-5),
  eos_token_id: z.int().default(49407),
});
export type CLIPTextConfig = z.output<typeof schema>;
export const CLIPTextConfig = {
  /** Reads a config.json; missing keys get transformers' defaults. Throws ERR_LATINO_MODEL for what is not supported. */
  parse: (json: unknown): CLIPTextConfig => parseConfig(schema, json, 'a CLIP text encoder'),
};

/** The eos_token_id in configs written before transformers 4.24: it stands for "the largest id". */
const LEGACY_EOS = 2;

/**
 * CLIP's text encoder. Input `input_ids` [N, S] int64. Outputs `last_hidden_state` and `hidden_states_penultimate` [N, S, H],
 * `pooler_output` [N, H], and `text_embeds` [N, P] where the weights have a text_projection.
 */
export function clipTextGraph(config: CLIPTextConfig, weights: WeightStore): Graph {
  const g = new Graph('clip_text', weights);
  const { hidden_size: width, layer_norm_eps: epsilon } = config;
  const prefix = g.hasWeight('text_model.final_layer_norm.weight') ? 'text_model.' : '';
  const ids = g.input('input_ids', 'i64', ['batch', 'tokens']);

  let x = embeddings(g, ids, `${prefix}embeddings`, config);
  let penultimate = x;
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    penultimate = x;
    x = encoderLayer(g, x, `${prefix}encoder.layers.${layer}`, config);
  }
  const lastHiddenState = layerNorm(g, x, `${prefix}final_layer_norm`, epsilon);
  const pooled = g.op('GatherND', [lastHiddenState, endPosition(g, ids, config.eos_token_id)], {
    dims: ['batch', width],
    attributes: { batch_dims: int(1) },
  });
  g.output('last_hidden_state', lastHiddenState);
  g.output('hidden_states_penultimate', penultimate);
  g.output('pooler_output', pooled);
  if (g.hasWeight('text_projection.weight')) {
    g.output('text_embeds', linear(g, pooled, 'text_projection', config.projection_dim, { bias: false }));
  }
  return g;
}

function embeddings(g: Graph, ids: Value, name: string, config: CLIPTextConfig): Value {
  const { hidden_size: width } = config;
  const tokens = g.weight(`${name}.token_embedding.weight`, [config.vocab_size, width]);
  const positions = g.weight(`${name}.position_embedding.weight`, [config.max_position_embeddings, width]);
  const length = g.op('Shape', [ids], { dims: [1], dtype: 'i64', attributes: { start: int(1), end: int(2) } });
  const used = g.op('Slice', [positions, g.integers(0), length, g.integers(0)], { dims: ['tokens', width] });
  return add(g, g.op('Gather', [tokens, ids], { dims: ['batch', 'tokens', width] }), used);
}

function encoderLayer(g: Graph, x: Value, name: string, config: CLIPTextConfig): Value {
  const { hidden_size: width, layer_norm_eps: epsilon } = config;
  const normed = layerNorm(g, x, `${name}.layer_norm1`, epsilon);
  const [query, key, value] = ['q_proj', 'k_proj', 'v_proj'].map((part) => linear(g, normed, `${name}.self_attn.${part}`, width));
  const attended = attention(g, query!, key!, value!, config.num_attention_heads, { causal: true });
  const hidden = add(g, x, linear(g, attended, `${name}.self_attn.out_proj`, width));
  const expanded = linear(g, layerNorm(g, hidden, `${name}.layer_norm2`, epsilon), `${name}.mlp.fc1`, config.intermediate_size);
  return add(g, hidden, linear(g, activation(g, expanded, config.hidden_act as Activation), `${name}.mlp.fc2`, width));
}

/** [N, 1]: where each text ends. */
function endPosition(g: Graph, ids: Value, eos: number): Value {
  const isEnd = () => g.op('Equal', [ids, g.constant(BigInt64Array.of(BigInt(eos)), [])], { dims: ids.dims, dtype: 'bool' });
  const score = g.op('Cast', [eos === LEGACY_EOS ? ids : isEnd()], { dims: ids.dims, attributes: { to: int(1) } });
  return g.op('ArgMax', [score], { dims: ['batch', 1], dtype: 'i64', attributes: { axis: int(1), keepdims: int(1) } });
}
