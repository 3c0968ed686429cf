// What the module of an op needs: a small part of the package, which a new worker loads in a few
// milliseconds.
export {
  InfrastructureError,
  SpindleError,
  TimeoutError,
} from '../errors.ts'
export type { StageContext, StageInfo } from '../op-context.ts'
export { type CallLimiter, currentCall, limitCalls, type OpCall, trackCall } from '../track-call.ts'
export { urlForMessages } from '../url-for-messages.ts'
export { type WorkerModule, type WorkerModuleOptions, workerModule } from './calls/worker-module.ts'
export { isMainThread } from './supervise/nesting.ts'
export { loadFunction } from './supervise/worker-modules.ts'
export { move } from './transport/move.ts'
