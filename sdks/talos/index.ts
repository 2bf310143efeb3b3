export * as client from './client/index.js';
export * as cluster from './cluster/index.js';
export * as imageFactory from './imageFactory/index.js';
export * as machine from './machine/index.js';
export * from './provider.js';
export * as types from './types/index.js';
