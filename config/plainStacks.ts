/**
 * The SDK takes a stack trace for every promise it makes, and ts-node maps each of them back to the sources: a third of
 * an update's time. Traces are left as they are unless somebody is looking for one (PROX_OPS_SOURCE_MAPS=1).
 */
if (process.env.PROX_OPS_SOURCE_MAPS !== '1') delete (Error as { prepareStackTrace?: unknown }).prepareStackTrace;
