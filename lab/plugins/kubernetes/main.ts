import { servePlugin } from '../protocol/serve.js';
import { KubernetesProvider } from './provider.js';

void servePlugin(new KubernetesProvider());
