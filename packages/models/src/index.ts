// Arrays of models
export type { ModelFeeds, ModelInput } from './base/arrays.ts'
export type { ModelErrorCode } from './base/errors.ts'
// Preprocessing
export {
  type AudioPreprocessor,
  audioPreprocessor,
  type DecodeAudioOptions,
  type DecodeImageOptions,
  type ImagePreprocessor,
  imagePreprocessor,
  type LocalSource,
  type Preprocessor,
  preprocessor,
} from './preprocess/preprocessor.ts'
export type { ProcessorConfig } from './preprocess/processor-config.ts'
export type { OnnxRuntime } from './session/batch-protocol.ts'
// Backends
export {
  defineBackend,
  type ModelSession,
  type OpenSession,
  type SessionContext,
  type SessionInfo,
} from './session/define-backend.ts'
// The model stage
export { type ModelOp, model } from './stage/model.ts'
export type {
  BackendModelOptions,
  BatchOptions,
  CommonModelOptions,
  OnnxModelOptions,
  OutputNames,
  OutputsOf,
  SessionOptions,
} from './stage/model-options.ts'
export type { ModelStats, SessionStats } from './stage/session-stats.ts'
