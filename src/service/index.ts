export type { ServeOptions, ServiceEvent, ServiceOptions } from './options.js';
export { serve } from './serve.js';
export { createService, type Service } from './service.js';
