import { createProxmoxClient } from '@prox-ops/operations';
import type { Stack } from '@pulumi/pulumi/automation';
import { update } from './engine';
import { CommandError, ExitCode } from './exit';
import type { RunLog } from './runLog';
import { readState, type PendingOperation, type StackState } from './state';
