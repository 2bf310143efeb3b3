import { status } from '@grpc/grpc-js';

/** What a call ends with instead of a reply: gRPC's code and message. */
export class RpcError extends Error {
  constructor(
    readonly code: status,
    readonly details: string,
  ) {
    super(details);
  }

  /** As Go prints it. */
  get text(): string {
    return `rpc error: code = ${CODE_NAMES[this.code]} desc = ${this.details}`;
  }
}

export const invalidArgument = (details: string): RpcError => new RpcError(status.INVALID_ARGUMENT, details);
export const notFound = (details: string): RpcError => new RpcError(status.NOT_FOUND, details);
export const failedPrecondition = (details: string): RpcError => new RpcError(status.FAILED_PRECONDITION, details);
export const alreadyExists = (details: string): RpcError => new RpcError(status.ALREADY_EXISTS, details);
export const permissionDenied = (details: string): RpcError => new RpcError(status.PERMISSION_DENIED, details);
export const unimplemented = (details: string): RpcError => new RpcError(status.UNIMPLEMENTED, details);
export const unavailable = (details: string): RpcError => new RpcError(status.UNAVAILABLE, details);
/** An error of Talos' own without a code, and every error of etcd's client: Go's gRPC sends those as Unknown. */
export const unknown = (details: string): RpcError => new RpcError(status.UNKNOWN, details);

/** Any error as a call's end. */
export function toRpcError(error: unknown): RpcError {
  if (error instanceof RpcError) return error;
  const { name, message } = error as Error;
  return name === 'AbortError' ? new RpcError(status.CANCELLED, 'context canceled') : unknown(message);
}

const CODE_NAMES: Record<status, string> = {
  [status.OK]: 'OK',
  [status.CANCELLED]: 'Canceled',
  [status.UNKNOWN]: 'Unknown',
  [status.INVALID_ARGUMENT]: 'InvalidArgument',
  [status.DEADLINE_EXCEEDED]: 'DeadlineExceeded',
  [status.NOT_FOUND]: 'NotFound',
  [status.ALREADY_EXISTS]: 'AlreadyExists',
  [status.PERMISSION_DENIED]: 'PermissionDenied',
  [status.RESOURCE_EXHAUSTED]: 'ResourceExhausted',
  [status.FAILED_PRECONDITION]: 'FailedPrecondition',
  [status.ABORTED]: 'Aborted',
  [status.OUT_OF_RANGE]: 'OutOfRange',
  [status.UNIMPLEMENTED]: 'Unimplemented',
  [status.INTERNAL]: 'Internal',
  [status.UNAVAILABLE]: 'Unavailable',
  [status.DATA_LOSS]: 'DataLoss',
  [status.UNAUTHENTICATED]: 'Unauthenticated',
};
