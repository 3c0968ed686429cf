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
export { model } from './stage/model.ts'
export type { ModelOp } from './stage/model-op.ts'
export type {
  BackendModelOptions,
  BatchOptions,
  CommonModelOptions,
  OnnxModelOptions,
  OutputNames,
  OutputsOf,
  SessionOptions,
  TransformersOptions,
} from './stage/model-options.ts'
export type { ModelStats, SessionStats } from './stage/session-stats.ts'
// Texts
export type {
  TextFeeds,
  TextOptions,
  TokenArray,
  TokenDType,
  TokenizeOptions,
} from './stage/text-options.ts'
export { textFeeds, tokenize } from './stage/tokenize.ts'
// Pipelines of transformers.js
export { transformersModel } from './stage/transformers-model.ts'
