import { SETTABLE, type Settings } from '../config/overrides';
import { CommandError } from './exit';

const UNITS = { s: 1, m: 60, h: 3600 } as const;
const SECTIONS = SETTABLE.join(', ');

/**
 * Settings as the command line gives them: `linstor.settleTimeout=45m`. Durations are seconds in the stack file; here
 * they may have a unit. Whether there is such a setting, and of that value, the stack file's own rules say.
 * @throws CommandError for what is not of that form.
 */
export function settingsFrom(given: string[]): Settings {
  const settings: Settings = {};
  for (const text of given) {
    const [, section = '', key = '', value = ''] = /^([a-zA-Z]+)\.([a-zA-Z]+)=(.+)$/s.exec(text) ?? [];
    const known = SETTABLE.find((name) => name === section);
    if (known === undefined)
      throw new CommandError(`--set: expected SECTION.KEY=VALUE with a section of ${SECTIONS}, found ${text}`);
    settings[known] = { ...settings[known], [key]: valueOf(value) };
  }
  return settings;
}

function valueOf(text: string): string | number | boolean {
  if (text === 'true' || text === 'false') return text === 'true';
  const [, digits, unit] = /^(\d+)([smh])?$/.exec(text) ?? [];
  if (digits === undefined) return text;
  return Number(digits) * (unit === undefined ? 1 : UNITS[unit as keyof typeof UNITS]);
}
