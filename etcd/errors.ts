/**
 * Every error that a client of the store can see, with etcd's codes and messages
 * (https://github.com/etcd-io/etcd/blob/main/api/v3rpc/rpctypes/error.go).
 */
import { RpcCode, RpcError } from '../pkg/etcd-client/rpc-error.js';

export const emptyKey = () =>
  new RpcError(RpcCode.InvalidArgument, 'etcdserver: key is not provided');
export const keyNotFound = () => new RpcError(RpcCode.InvalidArgument, 'etcdserver: key not found');
export const valueProvided = () =>
  new RpcError(RpcCode.InvalidArgument, 'etcdserver: value is provided');
export const leaseProvided = () =>
  new RpcError(RpcCode.InvalidArgument, 'etcdserver: lease is provided');
export const tooManyOps = () =>
  new RpcError(RpcCode.InvalidArgument, 'etcdserver: too many operations in txn request');
export const duplicateKey = () =>
  new RpcError(RpcCode.InvalidArgument, 'etcdserver: duplicate key given in txn request');
export const requestTooLarge = () =>
  new RpcError(RpcCode.InvalidArgument, 'etcdserver: request is too large');
export const invalidSortOption = () =>
  new RpcError(RpcCode.InvalidArgument, 'etcdserver: invalid sort option');
export const compacted = () =>
  new RpcError(RpcCode.OutOfRange, 'etcdserver: mvcc: required revision has been compacted');
export const futureRevision = () =>
  new RpcError(RpcCode.OutOfRange, 'etcdserver: mvcc: required revision is a future revision');
export const noSpace = () =>
  new RpcError(RpcCode.ResourceExhausted, 'etcdserver: mvcc: database space exceeded');
export const leaseNotFound = () =>
  new RpcError(RpcCode.NotFound, 'etcdserver: requested lease not found');
export const leaseExists = () =>
  new RpcError(RpcCode.FailedPrecondition, 'etcdserver: lease already exists');
export const leaseTtlTooLarge = () =>
  new RpcError(RpcCode.OutOfRange, 'etcdserver: too large lease TTL');
export const invalidArgument = (message: string) => new RpcError(RpcCode.InvalidArgument, message);
export const unimplemented = (message: string) => new RpcError(RpcCode.Unimplemented, message);
export const stopped = () => new RpcError(RpcCode.Unavailable, 'etcdserver: server stopped');
