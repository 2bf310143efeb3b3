import { servePlugin } from '../protocol/serve.js';
import { TalosProvider } from './provider.js';

void servePlugin(new TalosProvider());
