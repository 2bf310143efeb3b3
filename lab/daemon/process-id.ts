import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

/**
 * When a process was started, in the kernel's ticks since the boot. Together with its id it names one process for
 * ever; an id alone is given to another one some day. Undefined when there is no such process, or no /proc to ask.
 */
export function processStart(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The program's name stands in brackets and may hold anything, so count from the last bracket: state is field 3.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

/**
 * Whether the process lives; one that has ended and is not buried yet does not. `start`: as `processStart` told it
 * then; without it (or where it was not to be had) any process of that id counts.
 */
export function isAlive(pid: number, start?: string): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  const now = processStart(pid);
  return start ? now === start : now !== undefined || !existsSync('/proc/self/stat');
}

/** 'process 4711 (node)', or what can be told of who listens at an address; for messages. */
export function whoListens(address: string, port: number): string {
  const inodes = new Set(['/proc/net/tcp', '/proc/net/tcp6'].flatMap((table) => listeners(table, address, port)));
  const pid = inodes.size === 0 ? undefined : processIds().find((candidate) => holdsSocket(candidate, inodes));
  return pid === undefined ? 'another process' : `process ${pid} (${programOf(pid)})`;
}

function listeners(table: string, address: string, port: number): string[] {
  const ipv4 = address.split('.').map(Number);
  const own = Buffer.from(ipv4).reverse().toString('hex').toUpperCase();
  const wildcards = new Set([own, '0'.repeat(8), '0'.repeat(32)]);
  const hexPort = port.toString(16).toUpperCase().padStart(4, '0');
  return textOf(table)
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local = '', , state]) => {
      const [host = '', localPort] = local.split(':');
      return state === '0A' && localPort === hexPort && wildcards.has(host);
    })
    .flatMap((fields) => fields[9] ?? []);
}

function holdsSocket(pid: number, inodes: ReadonlySet<string>): boolean {
  return entries(`/proc/${pid}/fd`).some((fd) => {
    const inode = /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/${pid}/fd/${fd}`))?.[1];
    return inode !== undefined && inodes.has(inode);
  });
}

function programOf(pid: number): string {
  return textOf(`/proc/${pid}/comm`).trim() || 'unknown program';
}

function processIds(): number[] {
  return entries('/proc').map(Number).filter(Number.isInteger);
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
