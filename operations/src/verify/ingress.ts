import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import { fullName, type KubeObject } from '../clients/kubernetesObjects.js';
import { messageOf } from '../runtime/errors.js';
import { skipped, verdict, type Check } from '../checks/check.js';

interface Ingress extends KubeObject {
  spec?: {
    tls?: { hosts?: string[] }[];
    rules?: { host?: string; http?: { paths?: { path?: string }[] } }[];
  };
  status?: { loadBalancer?: { ingress?: { ip?: string; hostname?: string; ports?: { port: number }[] }[] } };
}

interface Gateway extends KubeObject {
  spec?: { listeners?: { name: string; port: number; protocol?: string }[] };
  status?: { addresses?: { value: string }[] };
}

/** Milliseconds for one answer. */
const PATIENCE = 10_000;

export const ingressCheck: Check = {
  id: 'ingress',
  describe: 'every Ingress answers at its address, and every Gateway listens',
  how: 'Kubernetes: Ingresses and Gateways; an HTTP request from here to the address of each host, a connection to each listener',
  run: async ({ session }) => {
    const [ingresses, gateways] = await Promise.all([
      session.kubernetes.list<Ingress>('/apis/networking.k8s.io/v1/ingresses'),
      session.kubernetes.list<Gateway>('/apis/gateway.networking.k8s.io/v1/gateways'),
    ]);
    const count = (ingresses?.length ?? 0) + (gateways?.length ?? 0);
    if (count === 0) return skipped('no Ingress and no Gateway');
    const problems = await Promise.all([
      ...(ingresses ?? []).map(ingressProblems),
      ...(gateways ?? []).map(gatewayProblems),
    ]);
    return verdict(problems.flat(), 'an answer from each', `${count} reachable`);
  },
};

async function ingressProblems(ingress: Ingress): Promise<string[]> {
  const name = `Ingress ${fullName(ingress)}`;
  const [where] = ingress.status?.loadBalancer?.ingress ?? [];
  const address = where?.ip ?? where?.hostname;
  if (address === undefined) return [`${name}: no address`];
  const secured = new Set((ingress.spec?.tls ?? []).flatMap(({ hosts = [] }) => hosts));
  const problems = (ingress.spec?.rules ?? []).map(async ({ host = address, http }) => {
    const tls = secured.has(host);
    const port = where?.ports?.[0]?.port ?? (tls ? 443 : 80);
    const path = http?.paths?.[0]?.path ?? '/';
    const trouble = await answers({ tls, address, port, host, path });
    return trouble === undefined ? [] : [`${name}: ${host}${path} at ${address}:${port}: ${trouble}`];
  });
  return (await Promise.all(problems)).flat();
}

interface Target {
  tls: boolean;
  address: string;
  port: number;
  host: string;
  path: string;
}

/** Whatever a workload answers is its own business; that nobody does (502 to 504) is not. */
async function answers({ tls, address, port, host, path }: Target): Promise<string | undefined> {
  // Whether its certificate is any good is another question; here it may be of a private authority.
  const options = { host: address, port, path, headers: { host }, timeout: PATIENCE };
  return new Promise((resolve) => {
    const request = tls
      ? httpsRequest({ ...options, servername: host, rejectUnauthorized: false })
      : httpRequest(options);
    request.on('response', (response) => {
      response.resume();
      const { statusCode = 0 } = response;
      resolve(statusCode >= 502 && statusCode <= 504 ? `answers ${statusCode}` : undefined);
    });
    request.on('timeout', () => request.destroy(new Error(`no answer within ${PATIENCE / 1000} s`)));
    request.on('error', (error) => {
      resolve(messageOf(error));
    });
    request.end();
  });
}

async function gatewayProblems(gateway: Gateway): Promise<string[]> {
  const name = `Gateway ${fullName(gateway)}`;
  const address = gateway.status?.addresses?.[0]?.value;
  if (address === undefined) return [`${name}: no address`];
  const listeners = (gateway.spec?.listeners ?? []).filter(({ protocol }) => protocol !== 'UDP');
  const problems = listeners.map(async (listener) => {
    const trouble = await listens(address, listener.port);
    return trouble === undefined
      ? []
      : [`${name}: listener ${listener.name} at ${address}:${listener.port}: ${trouble}`];
  });
  return (await Promise.all(problems)).flat();
}

async function listens(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: PATIENCE });
    const end = (trouble?: string): void => {
      socket.destroy();
      resolve(trouble);
    };
    socket.on('connect', () => end());
    socket.on('timeout', () => end(`no answer within ${PATIENCE / 1000} s`));
    socket.on('error', (error) => end(messageOf(error)));
  });
}
