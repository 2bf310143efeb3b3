/**
 * The lab's addresses. The production inventory lives in 10.20.0.0/16; the lab maps it into one /16 of the
 * loopback network, 127.BASE.0.0/16, keeping the last two numbers, so that each node, each Proxmox host and the
 * cluster's virtual address has an address of its own without any privilege (Linux answers for all of 127/8).
 */
export class LabNetwork {
  constructor(readonly base: number) {
    if (!Number.isInteger(base) || base < 1 || base > 254) {
      throw new RangeError(`network base: expected a whole number from 1 to 254, found ${base}`);
    }
  }

  /** The lab's address for a production address in 10.20.0.0/16. */
  map(address: string): string {
    return address.replaceAll(/\b10\.20\./g, `127.${this.base}.`);
  }

  /** The lab's own services. */
  get control(): string {
    return `127.${this.base}.0.1`;
  }

  readonly ports = {
    /** Proxmox VE API on every host's address. */
    proxmox: 8006,
    /** Talos machine API on every node's address. */
    talos: 50_000,
    /** Kubernetes API on the virtual address and on every control plane's address. */
    kubernetes: 6443,
    /** LINSTOR REST API on the control address. */
    linstor: 3370,
    /** HTTP of the cluster's ingress on the control address. */
    ingress: 8090,
    /** Image factory on the control address. */
    imageFactory: 8080,
    /** The lab's own control API on the control address. */
    lab: 7443,
  } as const;

  get linstorUrl(): string {
    return `http://${this.control}:${this.ports.linstor}`;
  }

  get imageFactoryUrl(): string {
    return `http://${this.control}:${this.ports.imageFactory}`;
  }
}
