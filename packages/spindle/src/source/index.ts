export { type ListFilesOptions, listFiles } from './list-files.ts'
export { readFile } from './read-file.ts'
