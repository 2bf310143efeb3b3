/** What each file of test/fixtures/invalid/ is refused for, word by word. */
export const REFUSALS: Record<string, string> = {
  'active-slot-empty': 'line 16, prox-ops:releases.active: expected releases.b to be filled, found it empty',
  'address-is-broadcast':
    "line 22, prox-ops:nodes.work-1.address: expected a host's address in 10.0.0.0/24, found 10.0.0.255, the broadcast address",
  'address-is-gateway':
    'line 22, prox-ops:nodes.work-1.address: expected an address of its own, found 10.0.0.254, which the gateway has',
  'address-is-vip':
    "line 22, prox-ops:nodes.work-1.address: expected an address of its own, found 10.0.0.9, which the cluster's VIP has",
  'address-of-proxmox':
    "line 22, prox-ops:nodes.work-1.address: expected an address of its own, found 10.0.0.250, which Proxmox' API has",
  'address-outside-subnet':
    'line 22, prox-ops:nodes.work-1.address: expected an address in 10.0.0.0/24, found 10.0.1.2',
  'address-twice':
    'line 22, prox-ops:nodes.work-1.address: expected an address of its own, found 10.0.0.1, which ctrl-1 has',
  'bridge-missing-on-host':
    'line 23, prox-ops:nodes.work-1.host: expected a host with the bridge vmbr0 (proxmox.bridge), found thor, which has vmbr1',
  'bridge-unknown': 'line 9, prox-ops:proxmox.bridge: expected a bridge that a host has (vmbr0), found vmbr9',
  'control-planes-even':
    'line 20, prox-ops:nodes: expected an odd number of control planes, so that etcd keeps a majority, found 2',
  'cores-over-host': 'line 22, prox-ops:nodes.work-1.hardware.cores: expected at most the 8 cores of odin, found 12',
  'duplicate-key': "line 23: expected each key once, found 'work-1' again",
  'endpoint-without-tls':
    'line 6, prox-ops:proxmox.endpoint: expected a URL with https, found "http://10.0.0.250:8006"',
  'gateway-is-network':
    "line 4, prox-ops:cluster.gateway: expected a host's address in 10.0.0.0/24, found 10.0.0.0, the network's own address",
  'gateway-outside-subnet': 'line 4, prox-ops:cluster.gateway: expected an address in 10.0.0.0/24, found 10.0.1.254',
  'gpu-on-standard-schematic':
    'line 22, prox-ops:nodes.work-1.variant: expected gpu, because the node has PCI mappings, found standard',
  'gpu-toolkit-of-other-branch':
    'line 15, prox-ops:talos.extensions.gpu: expected siderolabs/nvidia-container-toolkit-production, found that of the branch lts',
  'gpu-without-drivers':
    'line 15, prox-ops:talos.extensions.gpu: expected NVIDIA kernel modules, because a node is of variant gpu, found none',
  'gpu-without-mapping':
    'line 22, prox-ops:nodes.work-1.pci: expected a PCI mapping, because the variant is gpu, found none',
  'health-timeouts-contradict':
    'line 20, prox-ops:rollout.healthTimeout: expected at least healthTries x healthPasses x healthCheckTimeout = 120 s, found 60 s',
  'host-devices-without-linstor':
    'line 20, prox-ops:addons.linstorHostDevices: expected none, because linstor is not set, found /dev/sdb',
  'host-twice': 'line 9, prox-ops:proxmox.hosts.1.name: expected a name of its own, found odin, which host 1 has',
  'host-unknown': 'line 22, prox-ops:nodes.work-1.host: expected one of odin, found loki',
  'key-in-other-namespace':
    'line 20, kubernetes:kubeconfig: expected no secret in plain text, found what looks like a certificate or key in base64',
  'kubernetes-outside-range':
    'line 16, prox-ops:releases.a.kubernetes: expected Kubernetes v1.30 to v1.35 with Talos v1.12.4, found v1.36.0',
  'kubernetes-skips-minors':
    'line 16, prox-ops:releases.b.kubernetes: expected a Kubernetes release at most one minor from v1.32.1 in slot a, found v1.34.1',
  'label-key-invalid':
    'line 22, prox-ops:nodes.work-1.labels.gpu model: expected a Kubernetes name (letters, digits, -_. up to 63, after an optional domain and /), found gpu model',
  'label-node-role':
    'line 22, prox-ops:nodes.work-1.labels[node-role.kubernetes.io/storage]: expected a label that a worker may give itself (NodeRestriction), found node-role.kubernetes.io/storage',
  'label-not-quoted':
    'line 22, prox-ops:nodes.work-1.labels[example.org/fast]: expected text; put numbers and truth values in quotes, found true',
  'label-value-invalid':
    'line 22, prox-ops:nodes.work-1.labels.model: expected a Kubernetes label value (letters, digits, -_. up to 63), found "rtx a2000"',
  'linstor-too-few-satellites':
    'line 20, prox-ops:linstor.placeCount: expected at least 3 nodes with a data disk: 2 (placeCount) for its replicas, and one for those of the node that leaves, found 2',
  'linstor-without-data-disk':
    'line 19, prox-ops:roles.worker.dataDisk: expected a data disk, because linstor is set, found none',
  'linstor-without-drbd':
    'line 15, prox-ops:talos.extensions.standard: expected siderolabs/drbd among the extensions, because linstor is set, found none',
  'mac-of-a-group':
    'line 22, prox-ops:nodes.work-1.mac: expected a unicast MAC address in upper case, like BC:24:11:AF:26:D4, found "01:24:11:00:00:01"',
  'mac-twice':
    'line 22, prox-ops:nodes.work-1.mac: expected a MAC address of its own, found BC:24:11:00:00:01, which ctrl-1 has',
  'memory-over-host':
    'line 22, prox-ops:nodes.work-1.hardware.memory: expected at most the 16384 MiB of odin, found 32768 MiB',
  'memory-sum-over-host':
    'line 8, prox-ops:proxmox.hosts.0.memory: expected at least the 20480 MiB of its nodes (ctrl-1, work-1, work-2), found 16384 MiB',
  'missing-key': 'line 3, prox-ops:cluster.vip: expected an IPv4 address, found nothing',
  'missing-section': 'line 2, prox-ops:talos: expected a mapping, found nothing',
  'name-of-a-template':
    'line 22, prox-ops:nodes.talos-v1-12-4-standard-odin: expected a name that no template can have, found talos-v1-12-4-standard-odin',
  'network-address-outside':
    'line 25, prox-ops:nodes.work-1.networks.iot: expected an address in 10.0.62.0/24, found 10.0.63.2',
  'network-address-twice':
    'line 25, prox-ops:nodes.work-1.networks.iot: expected an address of its own, found 10.0.62.2, which ctrl-1 has',
  'network-prefix-differs':
    'line 25, prox-ops:nodes.work-1.networks.iot: expected the prefix length of iot, /24, found /16',
  'network-undeclared': 'line 25, prox-ops:nodes.work-1.networks.guest: expected one of iot, found guest',
  'networks-overlap':
    'line 21, prox-ops:networks.iot.subnet: expected a network apart from cluster.subnet (10.0.0.0/24), found 10.0.0.128/25',
  'no-namespace': "line 20, networks: expected a namespace (prox-ops:networks), found 'networks'",
  'node-in-template-slot':
    'line 22, prox-ops:nodes.work-1.vmId: expected an id outside the template slot 9000-9001, found 9001',
  'node-name-not-dns':
    'line 22, prox-ops:nodes.Work_1: expected a key that is a DNS label (lower-case letters, digits and hyphens), found "Work_1"',
  'node-slot-empty': 'line 22, prox-ops:nodes.work-1.release: expected a filled slot, found b, which is empty',
  'not-yaml':
    'line 14: expected YAML, found Flow map in block collection must be sufficiently indented and end with a }',
  'number-too-small': 'line 19, prox-ops:roles.worker.memory: expected a whole number of at least 2048, found 1024',
  'pci-not-on-host': 'line 22, prox-ops:nodes.work-1.pci.0: expected a PCI mapping of odin (odin-gpu), found thor-gpu',
  'pci-twice':
    'line 22, prox-ops:nodes.work-1.pci.0: expected a PCI mapping of its own, found odin-gpu, which ctrl-1 has',
  'pod-subnet-too-small':
    'line 5, prox-ops:cluster.podSubnets.0: expected room for 2 nodes, each with a /24, found 10.42.0.0/24',
  'pods-overlap-services':
    'line 3, prox-ops:cluster.serviceSubnets.0: expected a network apart from cluster.podSubnets (10.42.0.0/15), found 10.43.0.0/16',
  'probe-image-without-tag':
    'line 20, prox-ops:rollout.probeImage: expected an image with registry and tag or digest, like registry.example.net/agnhost:2.63.0, found "registry.example.net/agnhost"',
  'service-subnet-too-large':
    'line 5, prox-ops:cluster.serviceSubnets.0: expected at most a /12, which is all that Kubernetes takes, found 11.0.0.0/8',
  'storage-missing-on-host':
    'line 23, prox-ops:nodes.work-1.host: expected a host with the storage ceph (proxmox.storage), found thor, which has local',
  'storage-unknown':
    'line 10, prox-ops:proxmox.storage: expected a storage that a host has (ceph, local), found cephfs',
  'subnet-with-host-bits':
    "line 4, prox-ops:cluster.subnet: expected the network's own address, 10.0.0.0/24, found 10.0.0.1/24",
  'tag-of-the-program':
    'line 22, prox-ops:nodes.work-1.tags.0: expected a tag that the program does not give itself, found template',
  'tag-twice': 'line 22, prox-ops:nodes.work-1.tags.1: expected each tag once, found backup',
  'taint-key-invalid':
    'line 22, prox-ops:nodes.work-1.taints.-dedicated: expected a Kubernetes name (letters, digits, -_. up to 63, after an optional domain and /), found -dedicated',
  'taint-without-effect':
    'line 22, prox-ops:nodes.work-1.taints.dedicated: expected value:Effect with one of NoSchedule, PreferNoSchedule, NoExecute, found gpu',
  'talos-too-old':
    'line 16, prox-ops:releases.a.talos: expected Talos v1.10.0 or newer, the first with installer images of its own for Proxmox, found v1.9.6',
  'talos-unknown': 'line 16, prox-ops:releases.a.talos: expected a Talos release from v1.10 to v1.15, found v1.99.0',
  'template-slots-overlap':
    'line 13, prox-ops:proxmox.templateIds: expected slots at least 2 ids apart (two a host), found 9000 and 9001',
  'token-elsewhere':
    'line 20, prox-ops:rollout.snapshotDirectory: expected no secret in plain text, found what looks like a Proxmox API token',
  'token-in-plain-text':
    'line 20, prox-ops:proxmoxToken: expected a secret, as `pulumi config set --secret prox-ops:proxmoxToken` writes it, found plain text',
  'trunk-without-trunk-bridge':
    'line 5, prox-ops:proxmox.trunkBridge: expected a bridge that carries VLANs, because work-1 has a NIC on one, found none',
  'two-pod-subnets':
    'line 5, prox-ops:cluster.podSubnets: expected one IPv4 network, found ["10.42.0.0/16","10.44.0.0/16"]',
  'unknown-key-of-host':
    "line 8, prox-ops:proxmox.hosts.0.pcis: expected a known key (did you mean 'pci'?), found 'pcis'",
  'unknown-key-of-node':
    "line 22, prox-ops:nodes.work-1.adress: expected a known key (did you mean 'address'?), found 'adress'",
  'unknown-key-of-override':
    "line 22, prox-ops:nodes.work-1.hardware.turbo: expected one of the keys cores, sockets, memory, disk, dataDisk, found 'turbo'",
  'unknown-key': "line 13, prox-ops:proxmox.storrage: expected a known key (did you mean 'storage'?), found 'storrage'",
  'unknown-namespace':
    "line 20, proxops:networks: expected a known namespace (did you mean 'prox-ops'?), found 'proxops'",
  'unknown-section': "line 20, prox-ops:rolout: expected a known key (did you mean 'rollout'?), found 'rolout'",
  'unknown-top-key':
    "line 2, encryptionsalr: expected a known key (did you mean 'encryptionsalt'?), found 'encryptionsalr'",
  'version-not-pinned': 'line 16, prox-ops:releases.a.talos: expected a pinned version like v1.12.0, found "latest"',
  'vip-outside-subnet': 'line 4, prox-ops:cluster.vip: expected an address in 10.0.0.0/24, found 10.0.9.9',
  'vlan-twice': 'line 22, prox-ops:networks.dmz.vlan: expected a VLAN of its own, found 62, which iot has',
  'vlan-without-trunk-bridge':
    'line 5, prox-ops:proxmox.trunkBridge: expected a bridge that carries VLANs, because work-1 has a NIC on one, found none',
  'vm-id-twice': 'line 22, prox-ops:nodes.work-1.vmId: expected a VM id of its own, found 101, which ctrl-1 has',
  'wrong-type-list': 'line 4, prox-ops:cluster.nameservers: expected a list, found "10.0.0.254"',
  'wrong-type-mapping': 'line 16, prox-ops:releases: expected a mapping, found ["v1.12.4"]',
  'wrong-type-number':
    'line 22, prox-ops:nodes.work-1.vmId: expected a whole number from 100 to 999999999, found "102"',
  'wrong-word': 'line 22, prox-ops:nodes.work-1.role: expected one of controlplane, worker, found "master"',
  'webhook-in-plain-text':
    'line 20, prox-ops:webhook: expected a secret, as `pulumi config set --secret prox-ops:webhook` writes it, found plain text',
  'runner-image-unpinned':
    'line 26, prox-ops:automation.runners.image: expected an image pinned by digest, like registry.example.net/prox-ops:v1.2.3@sha256:..., found "registry.example.org/runner:v1"',
  'runner-alone': 'line 27, prox-ops:automation.runners.minimum: expected a whole number from 2 to 5, found 1',
  'runners-over-maximum': 'line 28, prox-ops:automation.runners.maximum: expected at least minimum = 4, found 3',
  'runners-without-driver-access':
    'line 29, prox-ops:addons.driverAccess: expected true, because automation.runners is set, found false',
  'suspend-flux-name':
    'line 23, prox-ops:rollout.suspendFlux.0: expected the name of a Kustomization, as NAME or NAMESPACE/NAME, found "Apps"',
};
