export { LinstorController, type ReplicaSummary } from './controller.js';
export { seedResources, type ResourceSpec } from './seed.js';
export { startLinstor, type Listening } from './server.js';
