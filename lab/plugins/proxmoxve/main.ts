import { servePlugin } from '../protocol/serve.js';
import { ProxmoxProvider } from './provider.js';

void servePlugin(new ProxmoxProvider());
