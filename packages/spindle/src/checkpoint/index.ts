export { FileCheckpoint, type FileCheckpointOptions } from './file-checkpoint.ts'
export type { FileData } from './file-data.ts'
export type { UnplacedFile } from './output-folder.ts'
export { readFileState } from './read-file-state.ts'
export {
  SqliteCheckpoint,
  type SqliteCheckpointOptions,
  type SqliteDatabase,
  type SqliteStatement,
} from './sqlite-checkpoint.ts'
