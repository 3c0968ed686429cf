export { type ListFilesOptions, listFiles } from './list-files.ts'
export { type ReadFileOptions, readFile } from './read-file.ts'
