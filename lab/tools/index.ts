export { TOOL_NAMES, type ToolName } from './catalog';
export { ensureTools, type EnsureOptions } from './ensure';
export { ToolsError } from './errors';
export { defaultCacheDirectory, labRoot, launchersDirectory } from './locations';
export { printProgress, type ToolEvent, type ToolReporter } from './progress';
