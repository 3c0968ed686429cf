export { toReadable, toReadableStream } from './streams.ts'
