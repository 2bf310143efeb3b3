import { parseVersion } from './version.js';

/** Newest patch of each minor release that the lab's image factory has. */
const NEWEST: Record<string, number> = { '1.9': 9, '1.10': 12, '1.11': 12, '1.12': 15, '1.13': 15 };
/** Pre-releases, so that a filter for stable versions has something to take away. */
const PRE_RELEASES = ['v1.12.0-rc.1', 'v1.13.0-rc.0', 'v1.14.0-alpha.1', 'v1.14.0-rc.1'];

/** Every Talos version the image factory offers, oldest first, pre-releases before their release. */
export function knownVersions(): string[] {
  const stable = Object.entries(NEWEST).flatMap(([minor, newest]) =>
    Array.from({ length: newest + 1 }, (_, patch) => `v${minor}.${patch}`),
  );
  return [...stable, ...PRE_RELEASES].sort(byVersion);
}

export function isKnownVersion(version: string): boolean {
  return knownVersions().includes(version);
}

export interface OfficialExtension {
  /** siderolabs/drbd */
  name: string;
  ref: string;
  digest: string;
  author: string;
  description: string;
}

/** Name, version (Talos' own for what follows the kernel), description. */
const EXTENSIONS: [name: string, version: string, description: string][] = [
  ['siderolabs/amd-ucode', '20251125', 'AMD microcode updates'],
  ['siderolabs/amdgpu', '20251125', 'AMD GPU firmware and drivers'],
  ['siderolabs/binfmt-misc', 'TALOS', 'binfmt_misc kernel module'],
  ['siderolabs/btrfs', 'TALOS', 'btrfs kernel module'],
  ['siderolabs/drbd', '9.2.14-TALOS', 'DRBD driver module'],
  ['siderolabs/gasket-driver', '97aeba5-TALOS', 'Google Coral kernel module'],
  ['siderolabs/glibc', '2.42', 'GNU C library'],
  ['siderolabs/gvisor', '20251117.0', 'gVisor container runtime'],
  ['siderolabs/i915', '20251125-TALOS', 'Intel GPU firmware and drivers'],
  ['siderolabs/intel-ucode', '20251111', 'Intel microcode updates'],
  ['siderolabs/iscsi-tools', 'v0.2.0', 'open-iscsi'],
  ['siderolabs/kata-containers', '3.23.0', 'Kata Containers runtime'],
  ['siderolabs/mdadm', 'v4.4', 'software RAID'],
  ['siderolabs/mei', 'TALOS', 'Intel Management Engine driver'],
  ['siderolabs/nfsd', 'TALOS', 'NFS server kernel module'],
  ['siderolabs/nonfree-kmod-nvidia-lts', '570.195.03-TALOS', 'NVIDIA driver, long-term branch'],
  ['siderolabs/nonfree-kmod-nvidia-production', '580.105.08-TALOS', 'NVIDIA driver, production branch'],
  ['siderolabs/nut-client', '2.8.4', 'network UPS tools'],
  ['siderolabs/nvidia-container-toolkit-lts', '570.195.03-v1.18.0', 'NVIDIA container runtime, long-term branch'],
  [
    'siderolabs/nvidia-container-toolkit-production',
    '580.105.08-v1.18.0',
    'NVIDIA container runtime, production branch',
  ],
  ['siderolabs/qemu-guest-agent', '10.1.2', 'QEMU guest agent'],
  ['siderolabs/realtek-firmware', '20251125', 'Realtek firmware'],
  ['siderolabs/stargz-snapshotter', 'v0.18.1', 'lazy pulling of images'],
  ['siderolabs/tailscale', '1.90.8', 'Tailscale'],
  ['siderolabs/thunderbolt', 'TALOS', 'Thunderbolt kernel module'],
  ['siderolabs/util-linux-tools', '2.41.2', 'util-linux'],
  ['siderolabs/zfs', '2.3.4-TALOS', 'ZFS kernel module and tools'],
];

/** The official extensions for one Talos version. */
export function officialExtensions(talos: string, digest: (text: string) => string): OfficialExtension[] {
  return EXTENSIONS.map(([name, version, description]) => {
    const ref = `ghcr.io/${name}:${version.replace('TALOS', talos)}`;
    return { name, ref, digest: `sha256:${digest(ref)}`, author: 'Sidero Labs', description };
  });
}

/** The version of one extension on one Talos version; undefined when there is no such extension. */
export function extensionVersion(name: string, talos: string): string | undefined {
  return EXTENSIONS.find(([known]) => known === name)?.[1].replace('TALOS', talos);
}

function byVersion(a: string, b: string): number {
  const [x, y] = [parseVersion(a)!, parseVersion(b)!];
  const numbers = x.major - y.major || x.minor - y.minor || x.patch - y.patch;
  if (numbers !== 0) return numbers;
  if (x.label === '' || y.label === '') return x.label === '' ? (y.label === '' ? 0 : 1) : -1;
  return x.label < y.label ? -1 : 1;
}
