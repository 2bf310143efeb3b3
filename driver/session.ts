import { holder, newRunId } from './identity';
import type { Project } from './project';
import { type Recorded, RunLog } from './runLog';
import { jsonView } from './views/json';
import { liveView } from './views/live';
import { plainView } from './views/plain';

export interface Session {
  runId: string;
  holder: string;
  log: RunLog;
  signal: AbortSignal;
  /** Ends the view and takes the signal handlers back; once, however often it is called. */
  close: () => void;
}

/**
 * A command's run: its log, the view that fits where it goes, and Ctrl-C. Once: the steps under way are finished and
 * the run stops cleanly. Twice: stop now.
 */
export function openSession(project: Project, json: boolean): Session {
  const runId = newRunId();
  const log = new RunLog(project.directory, runId);
  const stopView = startView(log, json);
  const controller = new AbortController();
  const onSignal = () => {
    if (controller.signal.aborted) {
      process.stderr.write(`\n${leftBehind(log.events)}\n`);
      process.exit(130);
    }
    process.stderr.write(
      '\nStopping: the node under way is put back, or finished where its VM is gone. Again to stop now.\n',
    );
    controller.abort();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  let open = true;
  const close = () => {
    if (!open) return;
    open = false;
    stopView();
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  };
  return { runId, holder: holder(), log, signal: controller.signal, close };
}

/** What a run that stops at once leaves, from its events. */
export function leftBehind(events: readonly Recorded[]): string {
  const last = events.findLast((event) => event.type === 'phase.started' || event.type === 'node.finished');
  if (last?.type !== 'phase.started') return 'Stopped. No node is half replaced. Go on with: prox-ops roll';
  return (
    `Stopped at once. ${last.node} is at the step '${last.phase}', which the engine may still finish. ` +
    `Go on with: prox-ops roll, or, while its VM stands: prox-ops abort ${last.node}`
  );
}

function startView(log: RunLog, json: boolean): () => void {
  if (!json && process.stdout.isTTY) return liveView(log, process.stdout);
  if (json) jsonView(log, process.stdout);
  else plainView(log, process.stdout);
  return () => undefined;
}
