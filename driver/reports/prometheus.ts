import { OUTCOMES } from '../events';
import type { NodeReport, RunReport } from './model';

type Labels = Record<string, string>;

interface Metric {
  name: string;
  help: string;
  samples: { labels: Labels; value: number }[];
}

const STATES: NodeReport['outcome'][] = [...OUTCOMES, 'not started', 'under way'];

/** The last run as metrics in Prometheus' text format, for node_exporter's textfile collector. All are gauges. */
export function metricsText(report: RunReport): string {
  return metricsOf(report)
    .filter(({ samples }) => samples.length > 0)
    .map(metricText)
    .join('');
}

function metricsOf(report: RunReport): Metric[] {
  const labels = { stack: report.stack, command: report.command };
  const one = (name: string, help: string, value: number | undefined): Metric => ({
    name: `prox_ops_run_${name}`,
    help: `${help} of the last run.`,
    samples: value === undefined ? [] : [{ labels, value }],
  });
  const ended = report.outcome === 'cut off' ? undefined : Date.parse(report.endedAt) / 1000;
  return [
    one('start_timestamp_seconds', 'Unix time of the start', Date.parse(report.startedAt) / 1000),
    one('end_timestamp_seconds', 'Unix time of the end', ended),
    one('duration_seconds', 'Duration', report.ms / 1000),
    one('success', 'Success, 1 or 0,', report.exitCode === 0 ? 1 : 0),
    one('exit_code', 'Exit code', report.exitCode),
    nodesByOutcome(report, labels),
    nodeDurations(report, labels),
    phaseDurations(report, labels),
  ];
}

function nodesByOutcome({ nodes }: RunReport, labels: Labels): Metric {
  return {
    name: 'prox_ops_run_nodes',
    help: 'Nodes of the last run by the outcome of their turns.',
    samples: STATES.map((outcome) => ({
      labels: { ...labels, outcome },
      value: nodes.filter((node) => node.outcome === outcome).length,
    })),
  };
}

function nodeDurations({ nodes }: RunReport, labels: Labels): Metric {
  return {
    name: 'prox_ops_node_duration_seconds',
    help: "Duration of a node's turn in the last run.",
    samples: nodes
      .filter(({ startedAt }) => startedAt !== undefined)
      .map(({ name, role, ms }) => ({ labels: { ...labels, node: name, role }, value: ms / 1000 })),
  };
}

function phaseDurations({ nodes }: RunReport, labels: Labels): Metric {
  return {
    name: 'prox_ops_node_phase_duration_seconds',
    help: "Duration of the phases of a node's turn in the last run.",
    samples: nodes.flatMap(({ name, role, phases }) =>
      Object.entries(phases).map(([phase, ms]) => ({
        labels: { ...labels, node: name, role, phase },
        value: ms / 1000,
      })),
    ),
  };
}

function metricText({ name, help, samples }: Metric): string {
  const lines = samples.map(({ labels, value }) => `${name}{${labelText(labels)}} ${value}`);
  return `# HELP ${name} ${escaped(help)}\n# TYPE ${name} gauge\n${lines.join('\n')}\n`;
}

function labelText(labels: Labels): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}="${escaped(value).replaceAll('"', '\\"')}"`)
    .join(',');
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}
