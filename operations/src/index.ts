export * from './contract.js';
export { DEFAULT_LINSTOR, DEFAULT_SETTINGS, stepSettings } from './settings.js';
export {
  abortInPlace,
  changeInPlace,
  type InPlaceChange,
  type InPlaceOptions,
  type InPlaceOutcome,
  type InPlacePhase,
  type InPlaceResult,
} from './inPlace.js';
export { changeKubernetes, KUBERNETES_PARTS, type KubernetesChange, type KubernetesPart } from './kubernetesInPlace.js';
export { runningRelease } from './running.js';
export { saveSnapshot, type ControlPlane, type SavedSnapshot } from './saveSnapshot.js';
export { Stop } from './runtime/errors.js';
export { endOrphanTurn, forgetOrphan, join, leave, removeNode, type JoinResult } from './steps.js';
export { ORPHAN_STEP } from './actions/turnDecision.js';
export type { Remembered } from './actions/forgetOrphan.js';
export { announceReplacement } from './planRefusal.js';
export { diffBracket, diffIdentity, UNKNOWN, type BracketDiff, type IdentityInputs } from './diff.js';
export { connect, type Session } from './clients/session.js';
export { realClock } from './runtime/clock.js';
export { lookAtProcess, realProcesses, type RunningProcess } from './runtime/processes.js';
export { until, WaitTimeout, type Look } from './runtime/waiting.js';
export { type Check, type CheckContext, type CheckResult } from './checks/check.js';
export { awaitHealthy, CHECKS, runChecks, type CheckReport, type HealthReport } from './checks/runner.js';
export { verifyChecks, verifyCluster, type VerifyReaders } from './verify/verify.js';
export type { ExpectedCluster, ExpectedNic, ExpectedNode, HeldCertificate } from './verify/expected.js';
export { probeOnRequest } from './actions/networkProbes.js';
export { fluxObjects, followFlux, type FluxObject } from './checks/flux.js';
export { storageReport, type NewDisks, type StorageReport } from './checks/storageReport.js';
export { faults, isDiskful, lastCopies, nodeFaults, sameName, unsettled } from './checks/linstorRules.js';
export { placementProblems, readView, type LinstorView } from './checks/linstorPlacement.js';
export { LEASE_NAME, PERMISSIONS, type Permission } from './clients/permissions.js';
export { driverRoles, type DriverRole, type RoleRule } from './clients/roles.js';
export { fromLease, openNodes, type OpenNode, type TurnRecord } from './actions/turnRecord.js';
export { BATCH_NODES, TOGETHER } from './batch.js';
export { RUN_SETTINGS, settledByRun, type RunSettings } from './runSettings.js';
export { takeOut } from './takeOut.js';
export { judgePod, sortPods, type PodSettings, type PodVerdict } from './actions/podFilters.js';
export { forwardTransport } from './clients/linstorForward.js';
export { KubernetesClient, KubernetesError, KubernetesUnreachable, type Kubernetes } from './clients/kubernetes.js';
export { httpTransport, LinstorClient, LinstorError, LinstorUnreachable, type Linstor } from './clients/linstor.js';
export { ProxmoxClient, ProxmoxError, type Proxmox, type ProxmoxVm } from './clients/proxmox.js';
export { ProxmoxWriter } from './clients/proxmoxWriter.js';
export { TalosCli, TalosError, type Talos } from './clients/talos.js';
export { secretFile, type SecretFile } from './clients/secretFile.js';
export { holds, type KubeObject, type Node as KubernetesNode } from './clients/kubernetesObjects.js';
export type { LinstorNode, LinstorResource } from './clients/linstorTypes.js';
export type { EtcdMember, EtcdStatus, Extension, MachineStatus } from './clients/talosOutput.js';
export { assertQuorumWithout, hostsOf, readEtcd, type EtcdView } from './checks/etcdView.js';
export { ForeignVmError, isUnconfigured, removeHalfMadeVm, vmExists, type HalfMadeVm } from './actions/halfMadeVm.js';
export { keepSnapshot, verifySnapshot } from './actions/snapshot.js';
export { recoverEtcd, type Recovery } from './actions/recoverEtcd.js';
export { missingOfSnapshot, settleRestored, type Leftovers } from './restored.js';
export { readSnapshot, type SnapshotContents } from './snapshots/contents.js';
export { removeStaleImage, type ImageFile } from './actions/staleImage.js';
export {
  assertIdIsFree,
  assertWhole,
  previewIdIsOurs,
  shortcomings,
  type GuardedVm,
  type ProxmoxAccess,
} from './actions/vmGuard.js';
export { clusterState, type ClusterState, type NodeState } from './status.js';
export { assess, readCluster, type Preflight } from './preflight/preflight.js';
export { formBatches, nextBatch, type Batch } from './preflight/batches.js';
export type { Finding } from './preflight/finding.js';
export { isHeld } from './preflight/lease.js';
export type { PreflightRequest, PreparedTemplate, TurnRequest } from './preflight/request.js';
export type { Snapshot } from './preflight/snapshot.js';
export type { Replicas } from './preflight/storage.js';
export type { ProxmoxSite } from './clients/proxmoxSite.js';
export {
  AWAITS_TURN,
  awaitTurn,
  resume,
  SUSPENDED_BY,
  suspend,
  tell,
  turnsTaken,
  type KustomizationName,
  type Suspended,
  type Telling,
} from './bystanders.js';
export { installedExtensions, installedSchematics, type Extensions, type Schematics } from './preflight/installed.js';
export { runningImages } from './runningImages.js';
