/**
 * LINSTOR return codes: signed 64-bit, the kind in the top two bits, then operation and object bits, the code in the
 * low 16. Source: golinstor apiconsts.go; the composed values are pinned by tests to the ones a real controller sent.
 */
const KIND = { success: 0n, info: 1n << 62n, warning: -(1n << 63n), error: -(1n << 62n) } as const;

export type Kind = keyof typeof KIND;

/** Operation bits. */
export const OP = { none: 0n, create: 0x0100_0000n, modify: 0x0200_0000n, delete: 0x0300_0000n } as const;

/** Object bits. */
export const OBJECT = {
  none: 0n,
  storagePool: 0x0014_0000n,
  volume: 0x002c_0000n,
  volumeDefinition: 0x0030_0000n,
  resource: 0x0034_0000n,
  definition: 0x0038_0000n,
  node: 0x003c_0000n,
  group: 0x0044_0000n,
  volumeGroup: 0x0048_0000n,
  controller: 0x0010_0000n,
} as const;

/** Codes that this emulation sends; the name says what the real one means by it. */
export const CODE = {
  created: 1,
  deleted: 2,
  modified: 3,
  authenticated: 9,
  invalidNodeName: 200,
  invalidNodeType: 201,
  invalidResourceName: 202,
  invalidVolumeSize: 206,
  invalidStoragePoolName: 208,
  invalidLayerKind: 224,
  invalidVolumeSizes: 228,
  invalidConfiguration: 230,
  nodeHasUsedResources: 233,
  invalidGroupName: 237,
  notFoundNode: 300,
  notFoundDefinition: 301,
  notFoundResource: 302,
  notFoundVolumeDefinition: 303,
  notFoundStoragePool: 310,
  notFoundGroup: 317,
  existsNode: 500,
  existsDefinition: 501,
  existsResource: 502,
  existsVolumeDefinition: 503,
  existsNodeConnection: 506,
  existsGroup: 522,
  existsVolumeGroup: 523,
  evacuating: 975,
  notEnoughNodes: 996,
  inUse: 997,
  unknownError: 998,
  warnNotConnected: 1002,
  warnNotUpdated: 1003,
  warnAlreadyDeployed: 1006,
  warnNotEnoughNodesForTieBreaker: 1013,
  warnEvicted: 1017,
  warnNotEvacuating: 1020,
  warnNotFound: 3000,
  infoPropertySet: 10_002,
  infoTieBreakerCreated: 10_003,
  infoPropertyRemoved: 10_005,
  infoTieBreakerTakeover: 10_006,
} as const;

/** An error that sets nearly all bits: the request's body is no JSON, or has a field the controller doesn't know. */
export const PARSE_ERROR = KIND.error + 0x0fff_ffff_ffff_fffdn;

export function returnCode(
  kind: Kind,
  code: number,
  operation: bigint = OP.none,
  object: bigint = OBJECT.none,
): bigint {
  return KIND[kind] + operation + object + BigInt(code);
}

export function isError(returned: bigint): boolean {
  return returned < 0n && returned >= KIND.error;
}

/** The HTTP status of an answer: the first error entry decides, else the endpoint's own status of success. */
export function httpStatus(codes: readonly bigint[], success: number): number {
  const error = codes.find(isError);
  if (error === undefined) return success;
  const code = Number(error & 0x7fffn);
  if (code >= 300 && code <= 399) return 404;
  return code >= 400 && code <= 499 ? 403 : 500;
}
