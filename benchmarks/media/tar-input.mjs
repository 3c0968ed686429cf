// The archive that the contestants read: members of 10 to 50 KB, as images of a training set are.
import { closeSync, openSync, writeSync } from 'node:fs'

/** Writes a ustar archive. The same members each time. */
export function makeTar(path, members) {
  const noise = Buffer.alloc(64 * 1024)
  let state = 1
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state
  }
  for (let i = 0; i < noise.length; i++) noise[i] = next() >>> 24
  const file = openSync(path, 'w')
  for (let number = 0; number < members; number++) {
    const size = 10_000 + (next() % 40_001)
    const header = Buffer.alloc(512)
    header.write(
      `train/n${String(number % 1000).padStart(8, '0')}/${String(number).padStart(8, '0')}.jpg`,
    )
    header.write('0000644', 100)
    header.write(size.toString(8).padStart(11, '0'), 124)
    header.write('14524464400', 136)
    header.fill(' ', 148, 156)
    header.write('0', 156)
    header.write('ustar', 257)
    header.write('00', 263)
    const sum = header.reduce((total, byte) => total + byte, 0)
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
    writeSync(file, header)
    writeSync(file, noise.subarray(0, size))
    writeSync(file, Buffer.alloc((512 - (size % 512)) % 512))
  }
  writeSync(file, Buffer.alloc(1024))
  closeSync(file)
}
