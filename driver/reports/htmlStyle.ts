/** One colour a phase: leaving warm, the VM itself dark, coming back cool. */
const COLOURS = {
  turn: '#94a3b8',
  drain: '#f59e0b',
  evacuate: '#f97316',
  'etcd-leave': '#db2777',
  identity: '#78716c',
  'delete-vm': '#991b1b',
  'create-vm': '#1e3a8a',
  configure: '#6366f1',
  join: '#0ea5e9',
  'etcd-join': '#a855f7',
  restore: '#14b8a6',
  uncordon: '#84cc16',
  health: '#16a34a',
  pull: '#eab308',
  'etcd-spare': '#db2777',
  change: '#1e3a8a',
  'roll-back': '#991b1b',
};

const phases = Object.entries(COLOURS)
  .map(([phase, colour]) => `.p-${phase}{background-color:${colour}}`)
  .join('\n');

/** The HTML report's style sheet; light or dark as the reader's system is. */
export const STYLE = `
:root{color-scheme:light dark;--line:#8884;--dim:#888;--panel:#8881;--good:#15803d;--bad:#b91c1c}
@media (prefers-color-scheme:dark){:root{--good:#4ade80;--bad:#f87171}}
body{font:15px/1.45 system-ui,sans-serif;margin:0}
main{max-width:1180px;margin:0 auto;padding:1.5rem}
h1{font-size:1.6rem;margin:0 0 .75rem}
h2{font-size:1.05rem;margin:2rem 0 .6rem}
.outcome{font-size:1rem;font-weight:600;padding:.15rem .6rem;border-radius:1rem;border:1px solid;vertical-align:middle}
.good{color:var(--good)}
.bad{color:var(--bad)}
.dim{color:var(--dim)}
dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(340px,1fr));gap:.35rem 1.5rem;margin:0}
dl div{display:flex;gap:.6rem}
dt{color:var(--dim);min-width:5.2rem}
dd{margin:0;overflow-wrap:anywhere}
.message{white-space:pre-wrap;overflow-wrap:anywhere;background:var(--panel);border-left:3px solid var(--dim);padding:.5rem .8rem;margin:.5rem 0;font-size:.85rem}
.legend{display:flex;flex-wrap:wrap;gap:.3rem 1rem;list-style:none;padding:0;margin:1.5rem 0 0;font-size:.85rem}
.legend i{display:inline-block;width:.85rem;height:.85rem;margin-right:.35rem;border-radius:2px;vertical-align:-1px}
.chart{position:relative;display:grid;grid-template-columns:max-content 1fr;column-gap:.8rem;align-items:center;font-size:.85rem}
.name{padding:.1rem 0;white-space:nowrap}
.lane{position:relative;height:1.15rem;background:linear-gradient(to right,var(--line) 1px,#0000 1px) 0 0/var(--tick) 100%,var(--panel);margin:.12rem 0}
.lane i{position:absolute;top:0;bottom:0}
.failed{outline:2px solid var(--bad);outline-offset:-2px;background-image:repeating-linear-gradient(45deg,#fff8 0 3px,#0000 3px 7px)}
.axis{position:relative;height:1.4rem;color:var(--dim);font-size:.75rem}
.axis span{position:absolute;transform:translateX(-50%);top:.2rem;white-space:nowrap}
.axis span:first-child{transform:none}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-size:.85rem;width:100%}
th,td{text-align:left;padding:.3rem .55rem;border-bottom:1px solid var(--line);white-space:nowrap}
thead th{color:var(--dim);font-weight:500}
.time{text-align:right;font-variant-numeric:tabular-nums}
.trail td{white-space:normal;overflow-wrap:anywhere;vertical-align:top}
.trail td:nth-child(-n+2){white-space:nowrap}
.trail{margin-top:.6rem}
summary{cursor:pointer;font-weight:600;margin-top:2rem}
@media print{main{max-width:none}.scroll{overflow:visible}*{print-color-adjust:exact}}
${phases}
`;
