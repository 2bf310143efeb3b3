import Table from 'cli-table3';
import type { Finding } from './findings';

/** Differences side by side; what several nodes have alike is one row. */
export function differencesTable(differences: Finding[]): string {
  const table = new Table({
    head: ['what', 'live', 'the program would make', 'how to settle it'],
    colWidths: [34, 34, 34, 50],
    wordWrap: true,
    style: { head: [], border: [], compact: true },
  });
  for (const { what, live, program, settle } of grouped(differences)) table.push([what, live, program, settle]);
  return table.toString();
}

/** `k8s-work-1 bios`, `k8s-work-2 bios`: the subjects of one difference. */
export function grouped(differences: Finding[]): Finding[] {
  const groups = new Map<string, { finding: Finding; subjects: string[] }>();
  for (const finding of differences) {
    const [subject = '', ...rest] = finding.what.split(' ');
    const about = rest.join(' ');
    const anonymous = finding.settle.replaceAll(`.${subject}.`, '.NODE.');
    const key = JSON.stringify([about === '' ? finding.what : about, finding.live, finding.program, anonymous]);
    const group = groups.get(key);
    if (group) group.subjects.push(subject);
    else groups.set(key, { finding, subjects: [subject] });
  }
  return [...groups.values()].map(({ finding, subjects }) => {
    if (subjects.length === 1) return finding;
    const about = finding.what.split(' ').slice(1).join(' ');
    const settle = finding.settle.replaceAll(`.${subjects[0]}.`, '.NODE.');
    return { ...finding, what: `${about} of ${subjects.join(', ')}`, settle };
  });
}
