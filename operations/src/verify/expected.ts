import type { ReleaseTarget, Role } from '../contract.js';

/** A NIC as planned. */
export interface ExpectedNic {
  mac: string;
  bridge: string;
  vlan?: number;
  /** In CIDR notation; a trunk has none. */
  address?: string;
  /** A trunk's VLAN tags; empty: all of the bridge. */
  trunks?: number[];
}

export interface ExpectedNode {
  name: string;
  role: Role;
  vmId: number;
  /** SMBIOS UUID, lower case. */
  uuid: string;
  address: string;
  release: Omit<ReleaseTarget, 'schematic'>;
  /** Absent when the state does not know it. */
  schematic?: string;
  /** As the image factory names them: siderolabs/drbd. */
  extensions: string[];
  /** In the order of the VM's. */
  nics: ExpectedNic[];
}

/** A certificate that somebody holds, PEM. */
export interface HeldCertificate {
  what: string;
  pem: string;
}

/** The cluster as it is described: what a verification compares with. Holds no secret. */
export interface ExpectedCluster {
  nodes: ExpectedNode[];
  /** https://VIP:6443 */
  endpoint: string;
  /** Directory of etcd snapshots. */
  snapshotDirectory: string;
  /** Certificates of clients. */
  certificates: HeldCertificate[];
  /** Authorities, PEM, that the cluster's own servers must be vouched for by. */
  authorities: { kubernetes: string; talos: string };
}
