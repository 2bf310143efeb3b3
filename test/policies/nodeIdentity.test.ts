import {
  addressesUnique,
  addressFixed,
  addressesInNetworks,
  macFixed,
  macsUnique,
  vmIdFixed,
  vmIdsUnique,
} from '../../policies/nodeIdentity';
import { secret, UNKNOWN } from '../support/policies';
import { testPolicy } from '../support/policy-cases';
import { cluster, withProps } from '../support/policy-cluster';

const node = (props: Record<string, unknown>) => withProps(cluster(), 'k8s-work-1-vm', props);
const address = (cidr: string | undefined) => ({ initialization: { ipConfigs: [{ ipv4: { address: cidr } }] } });

describe('policies/nodeIdentity', () => {
  testPolicy(vmIdFixed, ({ passes, fails, unjudged }) => {
    passes('ids of the stack file', cluster);
    passes('the first and the last of the range', () => cluster(), { first: 8001, last: 9007 });
    fails('no id', () => node({ vmId: undefined }), /k8s-work-1: expected a fixed VM id, found undefined/);
    fails('half an id', () => node({ vmId: 8004.5 }), /expected a fixed VM id, found 8004.5/);
    fails('below the range', () => node({ vmId: 8000 }), /expected a VM id from 8001 to 9999, found 8000/, {
      first: 8001,
      last: 9999,
    });
    fails('above the range', () => node({ vmId: 10_000 }), /expected a VM id from 100 to 9999, found 10000/, {
      last: 9999,
    });
    fails(
      'the first of a template slot',
      () => node({ vmId: 9000 }),
      /outside the template slots 9000-9007 or 9010-9017/,
    );
    fails('the last of a template slot', () => node({ vmId: 9017 }), /outside the template slots/);
    passes('just behind a slot', () => node({ vmId: 9008 }));
    fails(
      'a template outside its slot',
      () => withProps(cluster(), 'template-a-odin-standard', { vmId: 9009 }),
      /template-a-odin-standard: expected a template's id in 9000-9007 or 9010-9017, found 9009/,
    );
    unjudged('the id', () => node({ vmId: UNKNOWN.number }), /vmId/);
  });

  testPolicy(vmIdsUnique, ({ passes, fails, unjudged }) => {
    passes('ids of their own', cluster);
    fails(
      'two nodes',
      () => node({ vmId: 8005 }),
      /k8s-work-1, k8s-work-2: expected a VM id of its own for each, found 8005 2/,
    );
    fails('a node and a template', () => node({ vmId: 9000 }), /found 9000 2 times/);
    unjudged(
      'one id, beside two that are the same',
      () => withProps(node({ vmId: UNKNOWN.number }), 'k8s-work-3-vm', { vmId: 8001 }),
      /vmId/,
      [/k8s-ctrl-1, k8s-work-3: .* found 8001/],
    );
  });

  testPolicy(macFixed, ({ passes, fails, unjudged }) => {
    const nics = (...macs: (string | undefined)[]) =>
      node({ networkDevices: macs.map((macAddress) => ({ macAddress })) });
    passes('MACs of the plan', cluster);
    fails('none', () => nics(undefined), /k8s-work-1: NIC 0: expected a fixed MAC address in upper case, found none/);
    fails('lower case', () => nics('bc:24:11:00:00:01'), /found bc:24:11:00:00:01/);
    fails(
      'multicast, on the second',
      () => nics('BC:24:11:00:00:01', '01:24:11:00:00:02'),
      /NIC 1: expected a unicast MAC/,
    );
    passes('with the prefix that is set', cluster, { prefix: 'BC:24:11' });
    fails(
      'another prefix',
      () => nics('BC:24:12:00:00:02'),
      /NIC 0: expected a MAC address that begins with BC:24:11/,
      {
        prefix: 'BC:24:11',
      },
    );
    unjudged('one of two', () => nics(UNKNOWN.text, 'none at all'), /macAddress/, [/NIC 1: expected a fixed MAC/]);
  });

  testPolicy(macsUnique, ({ passes, fails, unjudged }) => {
    const mac = (of: string) => ({ networkDevices: [{ macAddress: of }] });
    const both = (one: string, two: string) => withProps(node(mac(one)), 'k8s-work-2-vm', mac(two));
    passes('MACs of their own', cluster);
    fails(
      'two nodes',
      () => both('BC:24:11:00:00:01', 'BC:24:11:00:00:01'),
      /k8s-work-1, k8s-work-2: .* found BC:24:11:00:00:01 2/,
    );
    fails('whatever the case', () => both('BC:24:11:00:00:01', 'bc:24:11:00:00:01'), /expected a MAC of its own/);
    unjudged('one MAC', () => both('BC:24:11:00:00:01', UNKNOWN.text), /macAddress/);
    unjudged('all NICs of a node', () => node({ networkDevices: UNKNOWN.list }), /networkDevices/);
  });

  testPolicy(addressFixed, ({ passes, fails, unjudged }) => {
    passes('addresses of the stack file', cluster);
    fails('none', () => node(address(undefined)), /k8s-work-1: expected a fixed address in CIDR notation, found none/);
    fails('from DHCP', () => node(address('dhcp')), /found dhcp/);
    fails(
      'of another network',
      () => node(address('10.20.68.1/23')),
      /expected an address in 10\.20\.66\.0\/23, found 10\.20\.68\.1/,
    );
    fails('the gateway’s', () => node(address('10.20.66.1/23')), /found 10\.20\.66\.1, which is the gateway's/);
    fails('the VIP', () => node(address('10.20.67.20/23')), /which is the cluster's VIP/);
    fails('the network itself', () => node(address('10.20.66.0/23')), /which is the network's own/);
    fails('the broadcast address', () => node(address('10.20.67.255/23')), /which is the network's own/);
    unjudged('the address', () => node(address(UNKNOWN.text)), /address/);
  });

  testPolicy(addressesInNetworks, ({ passes, fails, unjudged }) => {
    const interfaces = (...addresses: string[]) =>
      withProps(cluster(), 'k8s-work-1-config', {
        machineConfigurationInput: secret(`machine: {network: {interfaces: [{addresses: [${addresses.join(', ')}]}]}}`),
      });
    passes('the networks of the stack file', cluster);
    passes('no interface', () => withProps(cluster(), 'k8s-work-1-config', { machineConfigurationInput: undefined }));
    passes('IPv6, which the stack file knows nothing of', () => interfaces('"fd00::1/64"'));
    fails(
      'one of several elsewhere',
      () => interfaces('10.20.67.4/23', '10.20.64.4/23'),
      /k8s-work-1: expected every address in one of 10\.20\.66\.0\/23, 10\.20\.62\.0\/23, .* found 10\.20\.64\.4\. Set/,
    );
    unjudged(
      'the configuration',
      () => withProps(cluster(), 'k8s-work-1-config', { machineConfigurationInput: secret(UNKNOWN.text) }),
      /machineConfigurationInput/,
    );
  });

  testPolicy(addressesUnique, ({ passes, fails, unjudged }) => {
    const further = (name: string, ...addresses: string[]) => ({
      machineConfigurationInput: secret(`machine: {network: {interfaces: [{addresses: [${addresses.join(', ')}]}]}}`),
      node: name,
    });
    passes('addresses of their own', cluster);
    fails(
      'two nodes',
      () => withProps(node(address('10.20.67.5/23')), 'k8s-work-1-config', further('x', '10.20.67.5/23')),
      /k8s-work-1, k8s-work-2: expected an address of its own for each, found 10\.20\.67\.5 2 times/,
    );
    fails(
      'on a further network',
      () => withProps(cluster(), 'k8s-work-1-config', further('x', '10.20.67.4/23', '10.20.62.5/23')),
      /found 10\.20\.62\.5 2 times/,
    );
    unjudged(
      'one configuration, beside two that clash',
      () =>
        withProps(node(address('10.20.67.5/23')), 'k8s-work-1-config', {
          machineConfigurationInput: secret(UNKNOWN.text),
        }),
      /machineConfigurationInput/,
      [/found 10\.20\.67\.5/],
    );
  });
});
