/**
 * How long the emulated world takes for the things a real one takes time for, all in milliseconds.
 * `fastest` is for tests and demos, `realistic` for rehearsals.
 */
export interface Durations {
  /** qmclone task of one full clone. */
  clone: number;
  /** download-url task of one image. */
  download: number;
  /** POST qemu with import-from, and the conversion to a template, each. */
  templateTask: number;
  /** ACPI shutdown until the VM is stopped. */
  shutdown: number;
  /** qmdestroy task. */
  destroy: number;
  /** Power on until the machine API answers. */
  boot: number;
  /** Machine configuration accepted until the machine runs (install, services). */
  install: number;
  /** Machine running until its etcd member is added as a learner. */
  etcdJoin: number;
  /** Learner until voter. */
  etcdPromote: number;
  /** Machine running until its kubelet has registered the node and reports Ready. */
  kubelet: number;
  /** Node Ready until its LINSTOR satellite is ONLINE. */
  satellite: number;
  /** DRBD resynchronisation, milliseconds for one GiB. */
  syncPerGib: number;
  /** Container start, and container stop after its grace period began. */
  podStart: number;
  podStop: number;
  /** Stop or start of an operating system service, reboot phases. */
  reboot: number;
}

export const FASTEST: Durations = {
  clone: 40,
  download: 40,
  templateTask: 20,
  shutdown: 20,
  destroy: 20,
  boot: 40,
  install: 60,
  etcdJoin: 40,
  etcdPromote: 40,
  kubelet: 60,
  satellite: 60,
  syncPerGib: 10,
  podStart: 100,
  podStop: 100,
  reboot: 1100,
};

export const REALISTIC: Durations = {
  clone: 45_000,
  download: 60_000,
  templateTask: 15_000,
  shutdown: 12_000,
  destroy: 4_000,
  boot: 18_000,
  install: 35_000,
  etcdJoin: 8_000,
  etcdPromote: 6_000,
  kubelet: 20_000,
  satellite: 15_000,
  syncPerGib: 4_000,
  podStart: 8_000,
  podStop: 5_000,
  reboot: 30_000,
};
