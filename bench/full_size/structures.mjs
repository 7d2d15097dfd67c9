// Stable Diffusion 1.5 and SDXL as their configurations describe them; what is left out has diffusers' or transformers' default.
const clip = (hidden_size, num_hidden_layers, num_attention_heads, hidden_act) => ({
  hidden_size,
  num_hidden_layers,
  num_attention_heads,
  hidden_act,
  intermediate_size: 4 * hidden_size,
  projection_dim: hidden_size,
});
const autoencoder = { block_out_channels: [128, 256, 512, 512], layers_per_block: 2, latent_channels: 4 };

export const STRUCTURES = {
  'sd-1.5': {
    like: 'tiny-sd15',
    side: 512,
    text_encoder: clip(768, 12, 12, 'quick_gelu'),
    unet: { cross_attention_dim: 768, attention_head_dim: 8, sample_size: 64 },
    vae: { ...autoencoder, scaling_factor: 0.18215, sample_size: 512 },
  },
  sdxl: {
    like: 'tiny-sdxl',
    side: 1024,
    text_encoder: clip(768, 12, 12, 'quick_gelu'),
    text_encoder_2: clip(1280, 32, 20, 'gelu'),
    unet: {
      block_out_channels: [320, 640, 1280],
      down_block_types: ['DownBlock2D', 'CrossAttnDownBlock2D', 'CrossAttnDownBlock2D'],
      up_block_types: ['CrossAttnUpBlock2D', 'CrossAttnUpBlock2D', 'UpBlock2D'],
      transformer_layers_per_block: [1, 2, 10],
      attention_head_dim: [5, 10, 20],
      cross_attention_dim: 2048,
      use_linear_projection: true,
      addition_embed_type: 'text_time',
      addition_time_embed_dim: 256,
      projection_class_embeddings_input_dim: 2816,
      sample_size: 128,
    },
    vae: { ...autoencoder, scaling_factor: 0.13025, sample_size: 1024, force_upcast: true },
  },
};
