import { servePlugin } from '../protocol/serve.js';
import { CommandProvider } from './provider.js';

void servePlugin(new CommandProvider());
