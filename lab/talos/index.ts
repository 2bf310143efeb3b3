export { ImageError, ImageFactory } from './factory/image-factory.js';
export { TalosFleet, type FleetDependencies } from './fleet.js';
