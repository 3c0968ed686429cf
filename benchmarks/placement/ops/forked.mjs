// The program that the plain rival of process pools forks.
import { bytes } from './ops.mjs'

process.on('message', (size) => process.send(bytes(size)))
process.on('disconnect', () => process.exit())
