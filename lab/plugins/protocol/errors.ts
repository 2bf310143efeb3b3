import { Metadata, status } from '@grpc/grpc-js';
import type { ServiceError } from '@grpc/grpc-js';
import { Any } from 'google-protobuf/google/protobuf/any_pb.js';
import { ErrorResourceInitFailed } from '@pulumi/pulumi/proto/provider_pb.js';
import { Status } from '@pulumi/pulumi/proto/status_pb.js';
import { InitError } from './provider.js';
import { encode } from './values.js';

/** HTTP/2 headers carry the message; past this many characters it could be refused as a whole. */
const LONGEST_MESSAGE = 6_000;

/** An error with a gRPC code of its own. */
export class RpcError extends Error {
  constructor(
    readonly code: status,
    message: string,
  ) {
    super(message);
  }
}

/** What the engine is told: the message, and for a half-made resource its id, properties and reasons as details. */
export function toServiceError(error: unknown): Partial<ServiceError> {
  const message = shorten(error instanceof Error ? error.message : String(error));
  if (error instanceof InitError) {
    return { code: status.UNKNOWN, details: message, metadata: initDetails(error, message) };
  }
  return { code: error instanceof RpcError ? error.code : status.UNKNOWN, details: message };
}

function initDetails(error: InitError, message: string): Metadata {
  const detail = new ErrorResourceInitFailed()
    .setId(error.id)
    .setProperties(encode(error.properties))
    .setReasonsList(error.reasons.map(shorten));
  if (error.inputs) detail.setInputs(encode(error.inputs));
  const any = new Any();
  any.pack(detail.serializeBinary(), 'pulumirpc.ErrorResourceInitFailed');
  const details = new Status().setCode(status.UNKNOWN).setMessage(message).setDetailsList([any]);
  const metadata = new Metadata();
  metadata.set('grpc-status-details-bin', Buffer.from(details.serializeBinary()));
  return metadata;
}

function shorten(message: string): string {
  return message.length <= LONGEST_MESSAGE ? message : `${message.slice(0, LONGEST_MESSAGE)} ... (shortened)`;
}
