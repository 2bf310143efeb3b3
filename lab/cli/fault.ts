import { EXIT } from '../daemon/errors.js';
import { type ActiveFault, FAULTS } from '../world/faults.js';
import { clientOf, type Output, type Target } from './context.js';
import { faultText } from './status-view.js';
import { table } from './table.js';

/** All faults there are, and, when the lab runs, which are in force. */
export async function listFaults(target: Target, json: boolean, { out }: Output): Promise<number> {
  const active = await clientOf(target).ask<ActiveFault[]>('GET', '/faults');
  if (json) {
    out(JSON.stringify({ known: FAULTS, active }, undefined, 2));
    return EXIT.done;
  }
  const subjects = { node: 'NODE', host: 'HOST', none: '-' };
  const rows = Object.entries(FAULTS).map(([name, { scope, says }]) => [name, subjects[scope], says]);
  out(table(['FAULT', 'OF', 'WHAT GOES WRONG'], rows));
  out(`\nin force: ${active.map(faultText).join(', ') || 'none'}`);
  return EXIT.done;
}

export async function setFault(
  target: Target,
  fault: { name: string; subject?: string; count?: number },
  { out }: Output,
): Promise<number> {
  await clientOf(target).ask('POST', '/faults', fault);
  out(
    `fault ${faultText({ name: fault.name as ActiveFault['name'], subject: fault.subject ?? '', left: fault.count ?? Infinity })} is in force`,
  );
  return EXIT.done;
}

export async function clearFaults(
  target: Target,
  which: { name?: string; subject?: string },
  { out }: Output,
): Promise<number> {
  const lifted = await clientOf(target).ask<ActiveFault[]>('DELETE', '/faults', which);
  out(lifted.length === 0 ? 'no fault was in force' : `lifted: ${lifted.map(faultText).join(', ')}`);
  return EXIT.done;
}
