import { pins, PinsError, type Pins } from '../config/pins';
import { CommandError } from './exit';

/** The pinned versions. @throws CommandError with every problem of versions.yaml at once. */
export function knownPins(): Pins {
  try {
    return pins();
  } catch (error) {
    throw error instanceof PinsError ? new CommandError(error.message) : error;
  }
}
