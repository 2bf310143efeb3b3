export * from './bootstrap.js';
export * from './configurationApply.js';
export * from './getConfiguration.js';
export * from './secrets.js';
