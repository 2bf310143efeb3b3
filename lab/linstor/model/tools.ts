/** What a satellite can do and why it can't do the rest, as a node's answer lists it. */
export interface Tools {
  storage_providers: string[];
  resource_layers: string[];
  unsupported_providers: Record<string, string[]>;
  unsupported_layers: Record<string, string[]>;
}

const NOT_ON_LINUX = ['This tool does not exist on the Linux platform.'];

function notFound(...commands: string[]): string[] {
  return commands.map((command) => {
    const program = command.split(' ')[0];
    return `IO exception occured when running '${command}': Cannot run program "${program}": error=2, No such file or directory`;
  });
}

/** A satellite of Piraeus on Talos with the drbd extension. */
export const ONLINE_TOOLS: Tools = {
  storage_providers: ['DISKLESS', 'LVM', 'LVM_THIN', 'FILE', 'FILE_THIN', 'REMOTE_SPDK', 'EBS_INIT', 'EBS_TARGET'],
  resource_layers: ['DRBD', 'LUKS', 'WRITECACHE', 'CACHE', 'STORAGE'],
  unsupported_providers: {
    SPDK: notFound('rpc.py spdk_get_version'),
    STORAGE_SPACES: NOT_ON_LINUX,
    ZFS_THIN: notFound('zfs --version'),
    ZFS: notFound('zfs --version'),
    STORAGE_SPACES_THIN: NOT_ON_LINUX,
  },
  unsupported_layers: {
    NVME: notFound('modprobe nvmet_rdma', 'modprobe nvme_rdma'),
    BCACHE: notFound('modprobe bcache'),
  },
};

/** Nothing is known of an offline one, which reads like a lack of everything: DRBD is not among its layers. */
export const OFFLINE_TOOLS: Tools = {
  storage_providers: ['DISKLESS', 'REMOTE_SPDK', 'EBS_INIT', 'EBS_TARGET'],
  resource_layers: ['STORAGE'],
  unsupported_providers: unknown(
    'LVM',
    'SPDK',
    'STORAGE_SPACES',
    'ZFS_THIN',
    'ZFS',
    'STORAGE_SPACES_THIN',
    'FILE_THIN',
    'FILE',
    'LVM_THIN',
  ),
  unsupported_layers: unknown('DRBD', 'LUKS', 'NVME', 'WRITECACHE', 'CACHE', 'BCACHE'),
};

/** Two tools each are behind ZFS and DRBD, and each is unknown by itself. */
function unknown(...names: string[]): Record<string, string[]> {
  const reason = 'No information from satellite yet';
  const twice = new Set(['ZFS_THIN', 'ZFS', 'DRBD']);
  return Object.fromEntries(names.map((name) => [name, twice.has(name) ? [reason, reason] : [reason]]));
}

/** The details of 'Node authenticated', in the controller's layout. */
export function describeTools(tools: Tools): string {
  const list = (names: string[]): string => `[${names.map((name) => name.toLowerCase()).join(', ')}]`;
  const reasons = (unsupported: Record<string, string[]>): string =>
    Object.entries(unsupported)
      .map(([name, lines]) => `    ${name}: ${lines.join(`\n${' '.repeat(name.length + 6)}`)}\n`)
      .join('');
  return (
    `Supported storage providers: ${list(tools.storage_providers)}\n` +
    `Supported resource layers  : ${list(tools.resource_layers)}\n` +
    `Unsupported storage providers:\n${reasons(tools.unsupported_providers)}\n` +
    `Unsupported resource layers:\n${reasons(tools.unsupported_layers)}`
  );
}
